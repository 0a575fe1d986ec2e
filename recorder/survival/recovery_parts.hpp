// What the two ways of writing a window that is over have in common: after the recorder's death (recovery.hpp), after the host's
// (slice_recovery.hpp). One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recorder/bundles/dump_manifest.hpp"
#include "recorder/config/config.hpp"
#include "recorder/dump/dumper.hpp"
#include "recorder/saved/saved_window.hpp"

namespace fdr {

// The configuration that it had; the defaults, and a loss, where that cannot be read back.
Config config_of(const SavedFacts& facts, std::vector<std::string>& losses);
// Of the recorder, as it last said itself.
std::uint64_t last_rss(const std::vector<MetricSeries>& metrics);
// Writes the bundle; waits for it.
DumpResult dump_past(DumpRequest request, const Snapshot& snapshot, const MomentCopy& moment, DumpRest rest, ManifestRest said);

}  // namespace fdr

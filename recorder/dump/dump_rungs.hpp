// How much of a bundle is written where there is little room, from most to least:
//
//   full                what was recorded
//   no-raw-syscalls     without single calls; the sums of them, the slow and the failed ones stay
//   metrics-and-stacks  samples, stalls, sums, metrics and lives; no slow, failed and growth records, no text, logs or history
//   summary             manifest, ledger, and the first screen as it was seen when everything was still there
//
// Room is what a directory's disk has beyond `keep_free`. leave_out() takes away for good, also from memory: a rung is only ever followed
// by a lower one. Any thread (the dumper's).
#pragma once

#include <cstdint>
#include <string>

#include "formats/manifest.hpp"
#include "formats/modules.hpp"
#include "formats/timeline.hpp"
#include "recorder/system/system_text.hpp"

namespace fdr {

enum class Rung { kFull, kNoRawCalls, kMetricsAndStacks, kSummary };

// All that a bundle is made of, but its manifest.
struct BundleParts {
  Timeline& timeline;
  std::vector<ModuleSlice> slices;  // indexed like timeline.stacks.modules()
  std::string ledger;
  TextFiles files;                  // the rest, by path
};
void leave_out(BundleParts& parts, Rung rung);

// "written without raw syscalls: 3.1 MB free, 12 MB needed"
std::string rung_sentence(Rung rung, const std::string& why);
// What the manifest of such a bundle says; the sentence comes first of all losses.
void note_rung(Rung rung, const std::string& why, std::uint64_t needed_bytes, Manifest& manifest);

}  // namespace fdr

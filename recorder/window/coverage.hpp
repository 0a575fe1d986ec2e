// What the rings hold of the time that was asked for, and what they lost: the figures of `fdr status` and of a manifest's "rings".
//
// Pure: from the window's arrays, whoever recorded into them, and what is known beside them. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "formats/manifest.hpp"
#include "recorder/window/decode_counts.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

// What the arrays do not say of themselves.
struct RecordedSince {
  Duration span{};                  // asked for
  Timestamp armed_at, summary_begin;
  std::uint64_t summary_rows = 0;
  std::uint64_t clock_period_ns = 0;
  std::uint64_t life_missed = 0;    // of the side band and of the life ring, that were not read in time
};

std::uint64_t missed_ticks(const WindowView& window, std::uint64_t clock_period_ns);
// Of fdr_backend, as manifest.json has it.
const char* backend_name(std::uint32_t backend);

// Rings as they are now, but for those that are not recorded at all (fdr_lacks), without a snapshot: for `fdr status`, and the beginning of a manifest's.
std::map<std::string, RingReport> live_reports(const WindowView& window, const RecordedSince& known, Timestamp now);

// When the two snapshots were taken and what they could cover, by ring; what rings.*.obtained_s is made of.
struct Coverage {
  Timestamp at;
  std::array<std::uint64_t, FDR_RINGS> covers_since_ns{};
};

// What was known of the rings when the second snapshot was taken.
struct RingFacts {
  std::map<std::string, RingReport> live;
  Coverage first, second;
  Timestamp begin, armed_at, summary_begin;
  Duration before{};
  Timestamp summary_end = Timestamp::max();  // what happened later was not added up: the recorder had died
};
// Rings of the manifest: what was asked, and what both snapshots together hold.
std::map<std::string, RingReport> ring_reports(const RingFacts& facts, const DecodeCounts& counts);

}  // namespace fdr

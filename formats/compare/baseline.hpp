// Baselines: quiet slices of a recording, cut while nothing was wrong, which a bundle carries below baselines/, so that an
// incident that is older than its window has something healthy to be compared with too (FORMAT.md 7).
//
// A baseline is a small bundle of its own (manifest.json, trace.pftrace, modules.json): one writer, one reader. To compare,
// its records are put among those of the bundle at their place on the wall clock, before the window: who looks at the
// window does not see them, and who compares finds them by Timeline::quiet. What is read is a stranger's: bounded in number
// and size, reached without following links; one that is damaged is not compared with, and said so. Pure but for reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/bundle_reader.hpp"

namespace fdr {

inline constexpr std::size_t kMostBaselines = 16;            // of one bundle
inline constexpr std::size_t kMostBaselineBytes = 200'000;   // of one, all files together, as they are written
inline constexpr std::string_view kBaselineTrigger = "baseline";  // trigger.name of its manifest

struct Baseline {
  std::string name;      // directory below baselines/: "2026-03-01T09-41-03Z.start"
  std::string kind;      // "start", "regular", "mark"
  std::string note;      // why it was cut, what the mark said; empty in a redacted pack
  std::int64_t end_realtime_ns = 0;
  double before_s = 0;   // from its end to the firing
  double seconds = 0;    // that it covers
  std::uint64_t samples = 0;
  std::vector<std::string> targets;
  std::string problem;   // why it cannot be used; empty: it can
};

// "2026-03-01T09-41-03Z.mark-2" -> "mark"; empty where it is none of ours.
std::string baseline_kind(std::string_view name);

// Those that the manifest lists, the youngest first.
std::vector<Baseline> baselines_of(const Bundle& bundle);

// Puts a baseline among the records of the bundle: the youngest that fits (of the same targets, older than the window) where
// `wanted` is empty, none where that is "none". Without a name only a bundle whose own window has no quiet part is
// compared, and what is damaged is passed over and told in its problems; a name that is none, or that cannot be read,
// throws Error.
void compare_with_baseline(Bundle& bundle, std::string_view wanted);

// "40 s", "58 min", "23 h", "3.1 days".
std::string ago_text(double seconds);

}  // namespace fdr

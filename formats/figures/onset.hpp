// The onset: since when it is as it is. Splits the window into a quiet part and the incident, for findings and diff.
//
// Found on the metric of the rule that fired. One least-squares split of the series up to the firing says what quiet
// was; from the firing one walks back to where the metric left that level (a step or the foot of a slope), so that an
// earlier episode is not taken for this one. The age of a heartbeat says by itself when it last beat. Where there is no
// series, no clear change, or no quiet part, the onset is unknown and `how` says why: no guess. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/manifest.hpp"
#include "formats/timeline.hpp"

namespace fdr {

struct Onset {
  bool known = false;
  Timestamp time{};      // where known
  Timestamp until{};     // where known: when the metric was back at its quiet level, or the end of the window
  std::string metric;    // it was found on; empty when given or unknown
  std::string how;       // one sentence: the levels before and since, or why it is unknown
  double quiet = 0, incident = 0;  // levels, in the metric's unit; a counter's are rates a second
};

using MetricPoints = std::vector<std::pair<Timestamp, double>>;

// Finite values; of a counter the rate since the point before, unless a value that is none stands between. Never longer than the series.
MetricPoints metric_points(const MetricSeries& series);

// Whether `rule` names the metric as a word of its own ("process.cpu" is none of "process.cpu.total").
bool names_metric(std::string_view rule, std::string_view metric);

Onset find_onset(const Manifest& manifest, const Timeline& timeline);

// `text`: seconds from the firing ("-3.5"), or UTC ("2026-03-01T12:41:20.5Z", or "12:41:20.5" of the firing's day).
// Throws Error for anything else, and for a moment outside the window.
Onset given_onset(std::string_view text, const Manifest& manifest, const Timeline& timeline);

}  // namespace fdr

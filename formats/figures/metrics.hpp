// How the metrics moved: extremes, the value at the firing, a sparkline, and an order of interest. Counters are turned
// into rates.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "formats/figures/view.hpp"

namespace fdr {

struct MetricRow {
  const MetricSeries* series = nullptr;
  std::vector<std::pair<Timestamp, double>> points;     // in the range; a counter's are rates per second
  double min = 0, max = 0, typical = 0, at_firing = 0;  // typical: the median. NaN at_firing: unknown then
  double change = 0;     // how far the value at the firing (or the farthest after it) is from typical, in spreads
  bool in_rule = false;  // the rule that fired names it
};

// Those with a known value in the range: the rule's own first, then by change.
std::vector<MetricRow> metric_rows(const View& view);

// "%", "bytes", "seconds", "count", ""
const char* unit_name(Unit unit);

// "41.2 %", "312 MB", "1.50 s", "12", "3.4 /s".
std::string metric_text(double value, const MetricSeries& series);

// `width` columns of block characters over [from, to], scaled between the row's min and max; a space where nothing is
// known.
std::string sparkline(const MetricRow& row, Timestamp from, Timestamp to, std::size_t width);

}  // namespace fdr

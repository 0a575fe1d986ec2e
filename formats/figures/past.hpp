// How each metric of the long history stands against its own past: its last value beside the means of an hour and of a day. For `fdr show
// history`, the report and the page. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "formats/history.hpp"

namespace fdr {

struct PastRow {
  HistoryMetric metric;
  std::optional<double> last, hour, day;    // of the last second; means of the last hour and day
  double least = 0, greatest = 0;           // of the longest of these that is known
  std::size_t seconds = 0, minutes = 0;     // that are known of the hour and of the day
  std::optional<double> higher_than;        // percent of the day's minutes that are lower than the last value
};

// Of metrics of which anything is known, in the order of the history's table.
std::vector<PastRow> past_rows(const History& history);

}  // namespace fdr

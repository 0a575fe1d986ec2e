// `oom`: processes that the kernel killed for want of memory in the last ten seconds, out of the host's counter of the same row. So a
// rule on `oom > 0` fires once for each time, not once for ever. Session thread only.
#pragma once

#include <cmath>
#include <deque>
#include <optional>
#include <span>

#include "triggers/metric_history.hpp"

namespace fdr {

class OomKills {
 public:
  explicit OomKills(const MetricCatalogue& catalogue) : id_(catalogue.find("oom")), counter_(catalogue.find("host.vm.oom_kill")) {}

  // After the host's metrics of this row were read.
  void read(Timestamp now, std::span<double> row) {
    if (!id_ || !counter_ || std::isnan(row[*counter_])) return;
    while (seen_.size() > 1 && now - seen_[1].first >= kSpan) seen_.pop_front();
    // Only changes are kept: a counter that stands still needs one entry.
    if (seen_.empty() || row[*counter_] != seen_.back().second) seen_.emplace_back(now, row[*counter_]);
    if (seen_.size() > kMostChanges) seen_.pop_front();
    row[*id_] = seen_.size() > 1 && now - seen_.back().first >= kSpan ? 0 : row[*counter_] - seen_.front().second;
  }

 private:
  static constexpr Duration kSpan = std::chrono::seconds(10);
  static constexpr std::size_t kMostChanges = 1024;
  std::optional<MetricId> id_, counter_;
  std::deque<std::pair<Timestamp, double>> seen_;  // the counter since each time it changed
};

}  // namespace fdr

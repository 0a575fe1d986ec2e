#include "formats/figures/past.hpp"

#include <algorithm>

namespace fdr {
namespace {

constexpr std::size_t kLeastForAShare = 30;  // minutes of which "higher than N %" can be said
constexpr std::int64_t kHour_ns = 3'600'000'000'000, kDay_ns = 24 * kHour_ns;

// What of a metric lies within a span that ends with the history.
struct Told {
  std::vector<float> means;  // in the order of time
  double sum = 0, least = 0, greatest = 0;

  void add(const HistoryValue& value) {
    if (!value.known()) return;
    least = means.empty() ? value.least : std::min<double>(least, value.least);
    greatest = means.empty() ? value.greatest : std::max<double>(greatest, value.greatest);
    sum += value.mean;
    means.push_back(value.mean);
  }
  std::optional<double> mean() const { return means.empty() ? std::nullopt : std::optional(sum / static_cast<double>(means.size())); }
};

std::vector<Told> told(const std::vector<HistoryRows>& runs, std::size_t metrics, std::int64_t from_ns) {
  std::vector<Told> all(metrics);
  for (const HistoryRows& rows : runs)
    for (const HistoryRows::Column& column : rows.columns)
      for (std::uint32_t row = 0; row < rows.rows; ++row)
        if (rows.start_ns + rows.step.count() * std::int64_t{row} >= from_ns) all[column.metric].add(column.values[row]);
  return all;
}

}  // namespace

std::vector<PastRow> past_rows(const History& history) {
  std::vector<PastRow> rows;
  if (history.empty()) return rows;
  const std::int64_t end = std::max(history.seconds.empty() ? INT64_MIN : history.seconds.back().end_ns(), history.minutes.empty() ? INT64_MIN : history.minutes.back().end_ns());
  const std::vector<Told> hour = told(history.seconds, history.metrics.size(), end - kHour_ns), day = told(history.minutes, history.metrics.size(), end - kDay_ns);
  for (std::size_t i = 0; i < history.metrics.size(); ++i) {
    if (hour[i].means.empty() && day[i].means.empty()) continue;
    Told all = day[i];  // whose last minute is not over: the seconds have it
    if (!hour[i].means.empty()) {
      all.least = all.means.empty() ? hour[i].least : std::min(all.least, hour[i].least);
      all.greatest = all.means.empty() ? hour[i].greatest : std::max(all.greatest, hour[i].greatest);
    }
    PastRow row{.metric = history.metrics[i], .last = {}, .hour = hour[i].mean(), .day = day[i].mean(), .least = all.least, .greatest = all.greatest,
                .seconds = hour[i].means.size(), .minutes = day[i].means.size(), .higher_than = {}};
    if (!hour[i].means.empty()) row.last = hour[i].means.back();
    if (row.last && day[i].means.size() >= kLeastForAShare) {
      const auto below = std::count_if(day[i].means.begin(), day[i].means.end(), [&](float mean) { return mean < static_cast<float>(*row.last); });
      row.higher_than = 100.0 * static_cast<double>(below) / static_cast<double>(day[i].means.size());
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace fdr

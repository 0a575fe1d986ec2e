// Rows of `fdr show history`: each metric of the long history, how it is against its own last hour and day.
#include <algorithm>
#include <cmath>

#include "formats/error.hpp"
#include "formats/history_image.hpp"
#include "formats/report/metrics.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kLeastForAShare = 30;  // minutes of which "higher than N %" can be said

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
  Json mean() const { return means.empty() ? Json(nullptr) : Json(sum / static_cast<double>(means.size())); }
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

History bundle_history(const Bundle& bundle) {
  if (bundle.manifest.files.count("history.fdrh") == 0) return {};
  constexpr std::size_t kMostBytes = 16u << 20;
  const std::string text = read_bundle_text(bundle.path, "history.fdrh", kMostBytes).value_or("");
  return read_history({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Json history_rows(const PartInput& in) {
  Json rows = Json::array();
  const History history = bundle_history(in.bundle);
  if (history.empty()) return rows;
  constexpr std::int64_t kHour_ns = 3'600'000'000'000, kDay_ns = 24 * kHour_ns;
  const std::int64_t end = std::max(history.seconds.empty() ? INT64_MIN : history.seconds.back().end_ns(), history.minutes.empty() ? INT64_MIN : history.minutes.back().end_ns());
  const std::vector<Told> hour = told(history.seconds, history.metrics.size(), end - kHour_ns), day = told(history.minutes, history.metrics.size(), end - kDay_ns);
  for (std::size_t i = 0; i < history.metrics.size(); ++i) {
    if (hour[i].means.empty() && day[i].means.empty()) continue;
    const HistoryMetric& metric = history.metrics[i];
    const MetricSeries series{.name = metric.name, .unit = metric.unit, .kind = metric.kind, .points = {}};
    const auto in_words = [&](const Json& value) { return value.is_null() ? Json(nullptr) : Json(metric_text(value.get<double>(), series)); };
    const Json last = hour[i].means.empty() ? Json(nullptr) : Json(hour[i].means.back());
    Json row = {{"name", valid_utf8(metric.name)}, {"unit", unit_name(metric.unit)}, {"kind", metric.kind == MetricKind::kCounter ? "rate" : "gauge"},
                {"last", last}, {"mean_1h", hour[i].mean()}, {"mean_24h", day[i].mean()}};
    const Told& widest = day[i].means.empty() ? hour[i] : day[i];
    row["least"] = widest.least;
    row["greatest"] = widest.greatest;
    row["seconds"] = hour[i].means.size();
    row["minutes"] = day[i].means.size();
    row["higher_than_percent"] = nullptr;
    if (!last.is_null() && day[i].means.size() >= kLeastForAShare) {
      const auto below = std::count_if(day[i].means.begin(), day[i].means.end(), [&](float mean) { return mean < last.get<float>(); });
      row["higher_than_percent"] = 100.0 * static_cast<double>(below) / static_cast<double>(day[i].means.size());
    }
    for (const char* key : {"last", "mean_1h", "mean_24h", "least", "greatest"}) row[std::string(key) + "_text"] = in_words(row[key]);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace fdr

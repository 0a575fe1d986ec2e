// Rows of `fdr show history`: each metric of the long history, how it is against its own last hour and day.
#include "formats/figures/metrics.hpp"
#include "formats/figures/past.hpp"
#include "formats/history_image.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

Json known(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

History bundle_history(const Bundle& bundle) {
  if (bundle.manifest.files.count("history.fdrh") == 0) return {};
  constexpr std::size_t kMostBytes = 16u << 20;
  const std::string text = read_bundle_text(bundle.path, "history.fdrh", kMostBytes).value_or("");
  return read_history({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Json history_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const PastRow& past : past_rows(bundle_history(in.bundle))) {
    const MetricSeries series{.name = past.metric.name, .unit = past.metric.unit, .kind = past.metric.kind, .points = {}};
    Json row = {{"name", valid_utf8(series.name)}, {"unit", unit_name(series.unit)}, {"kind", series.kind == MetricKind::kCounter ? "rate" : "gauge"},
                {"last", known(past.last)}, {"mean_1h", known(past.hour)}, {"mean_24h", known(past.day)}, {"least", past.least}, {"greatest", past.greatest},
                {"seconds", past.seconds}, {"minutes", past.minutes}, {"higher_than_percent", known(past.higher_than)}};
    for (const char* key : {"last", "mean_1h", "mean_24h", "least", "greatest"})
      row[std::string(key) + "_text"] = row[key].is_null() ? Json(nullptr) : Json(metric_text(row[key].get<double>(), series));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace fdr

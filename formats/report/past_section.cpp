#include "formats/report/past_section.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/figures/metrics.hpp"
#include "formats/figures/onset.hpp"
#include "formats/figures/past.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostRows = 8;
constexpr double kUnusual = 99;  // percent of the day's minutes were lower
constexpr double kTimes = 1.5;

struct Unusual {
  const PastRow* row;
  bool in_rule;
  double times;  // of the day's mean
};

}  // namespace

std::string past_section(const History& history, std::string_view rule, const std::string& bundle_path, const ReportStyle& style) {
  const std::vector<PastRow> rows = past_rows(history);
  std::vector<Unusual> unusual;
  for (const PastRow& row : rows) {
    if (!row.last || !row.day || !row.higher_than) continue;
    const bool in_rule = names_metric(rule, row.metric.name);
    const double times = *row.day > 0 ? *row.last / *row.day : 0;
    if (in_rule || (*row.higher_than >= kUnusual && times >= kTimes)) unusual.push_back({&row, in_rule, times});
  }
  if (unusual.empty()) return "";
  std::stable_sort(unusual.begin(), unusual.end(), [](const Unusual& a, const Unusual& b) { return std::pair(b.in_rule, b.times) < std::pair(a.in_rule, a.times); });
  Table table({"AGAINST ITS LAST DAY", "now", "mean", "times", "most", "higher than"});
  for (const Unusual& one : unusual) {
    const MetricSeries series{.name = one.row->metric.name, .unit = one.row->metric.unit, .kind = one.row->metric.kind, .points = {}};
    table.row({printable(series.name), metric_text(*one.row->last, series), metric_text(*one.row->day, series), one.times > 0 ? fmt::format("{:.1f}", one.times) : "-",
               metric_text(one.row->greatest, series), fmt::format("{:.0f} %", *one.row->higher_than)});
  }
  return "\n" + table.text(style, kMostRows) + inked("  all of it, and the last hour: fdr show " + printable(bundle_path) + " history", Ink::kFaint, style) + "\n";
}

}  // namespace fdr

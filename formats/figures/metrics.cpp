#include "formats/figures/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "formats/figures/onset.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

MetricPoints points_of(const View& view, const MetricSeries& series) {
  MetricPoints points = metric_points(series);
  std::erase_if(points, [&](const auto& point) { return !view.in_range(point.first); });
  return points;
}

double quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void measure(const View& view, MetricRow& row) {
  std::vector<double> sorted;
  for (const auto& [time, value] : row.points) sorted.push_back(value);
  std::sort(sorted.begin(), sorted.end());
  row.min = sorted.front();
  row.max = sorted.back();
  row.typical = quantile(sorted, 0.5);
  row.at_firing = std::numeric_limits<double>::quiet_NaN();
  double farthest = 0;
  for (const auto& [time, value] : row.points) {
    if (time <= view.fired()) row.at_firing = value;
    if (time >= view.fired()) farthest = std::max(farthest, std::abs(value - row.typical));
  }
  if (std::isfinite(row.at_firing)) farthest = std::max(farthest, std::abs(row.at_firing - row.typical));
  // A spread of a hundredth of the level keeps a flat line with one flicker from looking dramatic.
  const double spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
  const double floor = 0.01 * std::max(std::abs(row.min), std::abs(row.max));
  row.change = farthest > 0 ? farthest / (spread + floor) : 0;
}

}  // namespace

std::vector<MetricRow> metric_rows(const View& view) {
  std::vector<MetricRow> rows;
  for (const MetricSeries& series : view.timeline.metrics) {
    MetricRow row;
    row.series = &series;
    row.points = points_of(view, series);
    if (row.points.empty()) continue;
    measure(view, row);
    row.in_rule = names_metric(view.manifest.trigger.when, series.name);
    rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const MetricRow& a, const MetricRow& b) {
    return std::pair(b.in_rule, b.change) < std::pair(a.in_rule, a.change);
  });
  return rows;
}

const char* unit_name(Unit unit) {
  switch (unit) {
    case Unit::kPercent:
      return "%";
    case Unit::kBytes:
      return "bytes";
    case Unit::kSeconds:
      return "seconds";
    case Unit::kCount:
      return "count";
    case Unit::kNone:
      break;
  }
  return "";
}

std::string metric_text(double value, const MetricSeries& series) {
  if (!std::isfinite(value)) return "unknown";
  const std::string per = series.kind == MetricKind::kCounter ? "/s" : "";
  const double size = std::abs(value);
  switch (series.unit) {
    case Unit::kPercent:
      return fmt::format("{:.1f} %", value) + per;
    case Unit::kBytes:
      return bytes_text(value) + per;
    case Unit::kSeconds:
      return (size < 1e9 ? duration_text(from_seconds(value)) : fmt::format("{:.3g} s", value)) + per;
    default:
      return (value == std::floor(value) && size < 1e9 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value)) +
             per;
  }
}

std::string sparkline(const MetricRow& row, Timestamp from, Timestamp to, std::size_t width) {
  static constexpr std::array blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  // The extreme of each column that is farthest from typical: one short spike in a minute must not vanish in a mean.
  std::vector<double> columns(width, unknown);
  const double span = std::max(to_seconds(to - from), 1e-9);
  for (const auto& [time, value] : row.points) {
    const double place = to_seconds(time - from) / span * static_cast<double>(width);
    if (!(place >= 0)) continue;
    double& column = columns[std::min(width - 1, static_cast<std::size_t>(place))];
    if (std::isnan(column) || std::abs(value - row.typical) > std::abs(column - row.typical)) column = value;
  }
  std::string line;
  for (const double value : columns) {
    if (std::isnan(value)) {
      line += " ";
      continue;
    }
    const double height = row.max > row.min ? (value - row.min) / (row.max - row.min) : 0;
    line += blocks[std::min(blocks.size() - 1, static_cast<std::size_t>(height * static_cast<double>(blocks.size())))];
  }
  return line;
}

}  // namespace fdr

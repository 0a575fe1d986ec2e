#include "formats/html/chart_data.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostPoints = 400;       // of one metric: a chart is some 600 pixels wide
constexpr std::size_t kAllPoints = 50'000;     // of all: below 1 MB
constexpr std::size_t kMostMetrics = 1'000;
constexpr double kGapPaces = 4;                // as many usual distances without a value are a gap
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

ChartPoints without_repeats(const ChartPoints& points) {
  ChartPoints kept;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool between = i > 0 && i + 1 < points.size() && points[i - 1].second == points[i].second &&
                         points[i + 1].second == points[i].second;
    if (!between) kept.push_back(points[i]);
  }
  return kept;
}

// Pieces without a gap.
std::vector<ChartPoints> pieces(const ChartPoints& points) {
  std::vector<double> paces;
  for (std::size_t i = 1; i < points.size(); ++i) paces.push_back(points[i].first - points[i - 1].first);
  double gap = std::numeric_limits<double>::infinity();
  if (!paces.empty()) {
    const auto middle = paces.begin() + static_cast<std::ptrdiff_t>(paces.size() / 2);
    std::nth_element(paces.begin(), middle, paces.end());
    gap = kGapPaces * *middle;
  }
  std::vector<ChartPoints> result;
  for (const auto& point : points) {
    if (result.empty() || point.first - result.back().back().first > gap) result.emplace_back();
    result.back().push_back(point);
  }
  return result;
}

// The least and the greatest of each of most / 2 stretches, in the order they came.
ChartPoints extremes(const ChartPoints& points, std::size_t most) {
  if (points.size() <= most || most < 4) return points;
  ChartPoints kept{points.front()};
  const std::size_t stretches = most / 2 - 1;
  for (std::size_t s = 0; s < stretches; ++s) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(s * points.size() / stretches);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>((s + 1) * points.size() / stretches);
    auto [least, greatest] =
        std::minmax_element(begin, end, [](const auto& a, const auto& b) { return a.second < b.second; });
    if (least > greatest) std::swap(least, greatest);
    for (const auto& extreme : {*least, *greatest})
      if (extreme.first > kept.back().first) kept.push_back(extreme);
  }
  if (points.back().first > kept.back().first) kept.push_back(points.back());
  return kept;
}

// As short as it is exact enough for a line: a hundredth of a second, five digits.
Json time_json(double seconds) { return std::round(seconds * 100) / 100; }
Json value_json(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == std::floor(value) && std::abs(value) < 1e5) return static_cast<std::int64_t>(value);
  return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
}

const char* unit_of(Unit unit) {
  return unit == Unit::kPercent ? "%" : unit == Unit::kBytes ? "bytes" : unit == Unit::kSeconds ? "seconds" : "";
}

Json points_json(const View& view, const MetricRow& row, std::size_t& room) {
  ChartPoints points;
  for (const auto& [time, value] : row.points) points.emplace_back(view.at(time), value);
  points = thinned(points, kMostPoints);
  Json json = Json::array();
  if (points.size() > room) return json;
  room -= points.size();
  for (const auto& [at, value] : points) {
    json.push_back(time_json(at));
    json.push_back(value_json(value));
  }
  return json;
}

}  // namespace

ChartPoints thinned(const ChartPoints& points, std::size_t most) {
  ChartPoints all;
  for (const ChartPoints& piece : pieces(points)) {
    // Many pieces: not below two points each, so there may be more than asked for; the caller's budget counts them.
    const std::size_t share = std::max<std::size_t>(4, most * piece.size() / points.size());
    const ChartPoints kept = extremes(without_repeats(piece), share);
    if (!all.empty()) all.emplace_back((all.back().first + kept.front().first) / 2, kUnknown);
    all.insert(all.end(), kept.begin(), kept.end());
  }
  return all;
}

Json chart_data(const View& view, std::size_t& left_out) {
  Json charts = Json::array();
  std::size_t room = kAllPoints;
  left_out = 0;
  const std::vector<MetricRow> rows = metric_rows(view);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i >= kMostMetrics) {
      left_out += rows.size() - i;
      break;
    }
    const MetricRow& row = rows[i];
    Json points = points_json(view, row, room);
    left_out += points.empty();
    charts.push_back({{"name", cut(printable(row.series->name), 200)},
                      {"unit", unit_of(row.series->unit)},
                      {"per_s", row.series->kind == MetricKind::kCounter},
                      {"in_rule", row.in_rule},
                      {"change", value_json(row.change)},
                      {"min", value_json(row.min)},
                      {"median", value_json(row.typical)},
                      {"max", value_json(row.max)},
                      {"at_trigger", value_json(row.at_firing)},
                      {"points", std::move(points)}});
  }
  return charts;
}

}  // namespace fdr

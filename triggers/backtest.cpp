#include "triggers/backtest.hpp"

#include <algorithm>
#include <limits>

#include "triggers/expression.hpp"
#include "triggers/metric_past.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::vector<Timestamp> ticks_of(const std::vector<MetricSeries>& metrics) {
  std::vector<Timestamp> times;
  for (const MetricSeries& series : metrics)
    for (const MetricSeries::Point& point : series.points) times.push_back(point.time);
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

// The most ticks that lie within `span` of each other, and one before them.
std::size_t most_within(const std::vector<Timestamp>& times, Duration span) {
  std::size_t most = 0, first = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    while (times[i] - times[first] > span) ++first;
    most = std::max(most, i - first + 1);
  }
  return most + 1;
}

// One series of the catalogue, read along the ticks.
struct Column {
  MetricId id;
  const std::vector<MetricSeries::Point>* points;
  std::size_t at = 0;
};

}  // namespace

Backtest backtest(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue, const std::vector<MetricSeries>& metrics, const MetricPast* past) {
  Engine engine(rules, catalogue);
  Backtest result;
  std::vector<Column> columns;
  std::vector<bool> recorded(catalogue.size());
  for (const MetricSeries& series : metrics) {
    const auto id = catalogue.find(series.name);
    if (!id || series.points.empty() || recorded[*id]) continue;
    recorded[*id] = true;
    columns.push_back({*id, &series.points});
  }
  const std::vector<Timestamp> times = ticks_of(metrics);
  Duration lookback{};
  for (const RuleConfig& rule : rules) {
    lookback = std::max(lookback, engine.longest_lookback(rule.name));
    std::vector<std::string>& missing = result.missing.emplace_back();
    for (const MetricId id : engine.metrics(rule.name))
      if (!recorded[id]) missing.push_back(catalogue.info(id).name);
  }
  if (past) lookback = std::min(lookback, past->least());
  MetricHistory history(catalogue.size(), most_within(times, lookback) + 1);
  history.set_past(past);
  std::vector<double> row(catalogue.size());
  for (const Timestamp now : times) {
    std::fill(row.begin(), row.end(), kUnknown);
    for (Column& column : columns) {
      while (column.at < column.points->size() && (*column.points)[column.at].time < now) ++column.at;
      if (column.at < column.points->size() && (*column.points)[column.at].time == now) row[column.id] = (*column.points)[column.at].value;
    }
    history.push(now, row);
    for (Firing& firing : engine.evaluate(history, now)) result.fired.push_back(std::move(firing));
    for (const EpisodeEnd& end : engine.ended()) result.ended.push_back(end);
  }
  result.rules = engine.status();
  result.ticks = times.size();
  if (!times.empty()) {
    result.begin = times.front();
    result.end = times.back();
  }
  return result;
}

}  // namespace fdr

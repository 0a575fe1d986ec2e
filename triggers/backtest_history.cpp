#include "triggers/backtest_history.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "triggers/expression.hpp"
#include "triggers/metric_past.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kSecond = std::chrono::seconds(1);

// All seconds in the order of time, each as rows of the whole catalogue.
class Seconds {
 public:
  Seconds(const History& history, const MetricCatalogue& catalogue) : history_(history), recorded_(catalogue.size()), counters_(catalogue.size()), sums_(catalogue.size()) {
    for (const HistoryMetric& metric : history.metrics) {
      const auto id = catalogue.find(metric.name);
      const bool same = id && catalogue.info(*id).kind == metric.kind;
      ids_.push_back(same ? id : std::nullopt);
      if (same) recorded_[*id] = true;
    }
    for (MetricId id = 0; id < catalogue.size(); ++id) counters_[id] = catalogue.info(id).kind == MetricKind::kCounter;
  }

  bool recorded(MetricId id) const { return recorded_[id]; }

  // Calls visit(time, mean, least, greatest); a second's time is just before its end. Counters are summed up anew.
  template <class Visit>
  void each(const Visit& visit) {
    const std::size_t metrics = recorded_.size();
    std::vector<double> mean(metrics), least(metrics), greatest(metrics);
    for (const HistoryRows& rows : history_.seconds) {
      if (rows.step != kSecond) continue;
      for (std::uint32_t row = 0; row < rows.rows; ++row) {
        for (auto* values : {&mean, &least, &greatest}) std::fill(values->begin(), values->end(), kUnknown);
        bool known = false;
        for (const HistoryRows::Column& column : rows.columns) {
          const HistoryValue& value = column.values[row];
          const auto id = column.metric < ids_.size() ? ids_[column.metric] : std::nullopt;
          if (!id || !value.known()) continue;
          known = true;
          if (counters_[*id]) {
            mean[*id] = least[*id] = greatest[*id] = sums_[*id] += value.mean;
          } else {
            mean[*id] = value.mean;
            least[*id] = value.least;
            greatest[*id] = value.greatest;
          }
        }
        const std::int64_t end = rows.start_ns + kSecond.count() * (std::int64_t{row} + 1);
        if (known) visit(Timestamp{Duration{end - 1}}, mean, least, greatest);
      }
    }
  }

 private:
  const History& history_;
  std::vector<std::optional<MetricId>> ids_;
  std::vector<bool> recorded_, counters_;
  std::vector<double> sums_;
};

// One rule, and the ticks as it is to see them.
struct Judged {
  Engine engine;
  MetricHistory ticks;
  std::vector<MetricId> up, down;
};

History before(const History& history, std::int64_t time_ns) {
  History older{.metrics = history.metrics, .seconds = {}, .minutes = {}, .movers = {}, .problems = {}};
  for (const HistoryRows& rows : history.minutes)
    if (rows.start_ns < time_ns) older.minutes.push_back(rows);
  return older;
}

std::vector<MetricId> kept(const Seconds& seconds, const MetricCatalogue& catalogue) {
  std::vector<MetricId> ids;
  for (MetricId id = 0; id < catalogue.size() && ids.size() < kMaxHistoryMetrics; ++id)
    if (seconds.recorded(id)) ids.push_back(id);
  return ids;
}

}  // namespace

Backtest backtest_history(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue, const History& history, Duration least) {
  Backtest result;
  Seconds seconds(history, catalogue);
  Duration longest{};
  std::vector<Judged> judged;
  for (const RuleConfig& rule : rules) {
    Engine engine({rule}, catalogue);
    longest = std::max(longest, engine.longest_lookback(rule.name));
    const Expression when = Expression::parse(rule.when, catalogue);
    std::vector<std::string>& missing = result.missing.emplace_back();
    for (const MetricId id : engine.metrics(rule.name))
      if (!seconds.recorded(id)) missing.push_back(catalogue.info(id).name);
    Expression::Directions directions = rule.hold == Duration{} ? when.directions() : Expression::Directions{};
    std::erase_if(directions.up, [&](MetricId id) { return std::count(directions.down.begin(), directions.down.end(), id) > 0; });
    judged.push_back({std::move(engine), MetricHistory(catalogue.size(), static_cast<std::size_t>(least / kSecond) + 2), std::move(directions.up), std::move(directions.down)});
  }
  MetricPast past(catalogue, kept(seconds, catalogue), longest, least);
  const std::int64_t first_ns = history.seconds.empty() ? 0 : history.seconds.front().start_ns;
  past.load(before(history, first_ns), {}, Timestamp{Duration{first_ns}});
  for (Judged& one : judged) one.ticks.set_past(&past);
  std::vector<double> row;
  seconds.each([&](Timestamp now, const std::vector<double>& mean, const std::vector<double>& lowest, const std::vector<double>& greatest) {
    past.push(now, mean);
    for (Judged& one : judged) {
      row = mean;
      for (const MetricId id : one.up) row[id] = greatest[id];
      for (const MetricId id : one.down) row[id] = lowest[id];
      one.ticks.push(now, row);
      for (Firing& firing : one.engine.evaluate(one.ticks, now)) result.fired.push_back(std::move(firing));
      for (const EpisodeEnd& end : one.engine.ended()) result.ended.push_back(end);
    }
    if (result.ticks++ == 0) result.begin = now;
    result.end = now;
  });
  for (const Judged& one : judged) result.rules.push_back(one.engine.status().front());
  return result;
}

}  // namespace fdr

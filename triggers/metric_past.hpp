// The past beyond the window: each metric's mean, least and greatest of every second of the last hour and of every minute of as
// long as it is asked for; what the look-backs that are longer than the window are answered from (`avg(m, 1h)`,
// `delta(m, 24h)`), and what the history file and the bundle's part of it are made of. Pure; time is an argument.
//
// A second is numbered by CLOCK_MONOTONIC, a minute likewise, also from before the boot (negative numbers, by the wall clock); it counts
// once it is over. A counter is kept as its growth per second: what it grew by from one tick to the next is spread over the seconds between, since a tick
// may be longer than one (metrics.every, a host that stood still), and a gauge stays what it was for as long as the longest tick. Look-backs of up to kSecondsUsed look at seconds, longer ones at minutes: not more than
// a thousand or so values each time, whatever they are. Values are rounded as the file keeps them, so that `fdr backtest`
// comes to the same end. A metric gets its room when it is first known. Owned by the session's thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/history.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

struct CounterStand {
  std::string name;
  double value = 0;
};

class MetricPast {
 public:
  static constexpr Duration kSecondsKept = std::chrono::hours(1), kSecondsUsed = std::chrono::minutes(15);
  static constexpr Duration kLeastMinutes = std::chrono::hours(24), kLongest = std::chrono::hours(24 * 30);

  // `metrics`: which of the catalogue are kept, at most kMaxHistoryMetrics of them. `minutes`: how far the minutes reach, at least a day.
  // `least`: look-backs as long as this or longer are answered here, shorter ones from the ticks.
  MetricPast(const MetricCatalogue& catalogue, std::vector<MetricId> metrics, Duration minutes, Duration least);

  // What was kept of an earlier time, before the first push(): what is over before `now`, by the wall clock of `anchor`.
  void load(const History& history, const ClockAnchor& anchor, Timestamp now);
  // How the counters stood at an earlier moment of this boot, before the first push(): what they have grown by meanwhile is spread over the
  // time between, of which no more is known. Of a counter that stands lower now nothing is.
  void go_on_from(const std::vector<CounterStand>& stands, Timestamp at);
  std::vector<CounterStand> counters() const;  // those that are known, as they stand
  // A tick's row of the whole catalogue.
  void push(Timestamp now, std::span<const double> row);

  bool answers(Duration span) const { return span >= least_; }
  // Whether it ever could: the metric is kept, and for that long.
  bool reaches(MetricId id, Duration span) const { return place_of(id) && span <= std::max(kSecondsKept, minutes_kept()); }
  Duration least() const { return least_; }
  enum class Of { kMean, kLeast, kGreatest, kPercentile99 };
  // Over the seconds or minutes that ended within `span` before now. NaN until the past reaches back that far, and where less than half of it is known.
  double over(Of what, MetricId id, Duration span, Timestamp now) const;
  // Mean of the second or minute that was `span` ago; of a counter by how much it has grown since. NaN where unknown.
  double before(MetricId id, Duration span, Timestamp now) const;
  double grown(MetricId id, Duration span, Timestamp now) const;

  enum class Tier { kSeconds, kMinutes };
  // The number after that of the last one that is over.
  std::int64_t end(Tier tier) const { return tier == Tier::kSeconds ? seconds_.end : minutes_.end; }
  // Those from number `from` on that are over, oldest first, in runs of at most kMaxHistoryRows; columns are of the metrics that are known in
  // them, numbered by their place in `metrics`.
  std::vector<HistoryRows> rows(Tier tier, std::int64_t from, const ClockAnchor& anchor) const;
  Duration minutes_kept() const { return minutes_.step * static_cast<std::int64_t>(minutes_.capacity); }
  std::vector<HistoryMetric> table() const;

 private:
  struct Ring {
    Duration step;
    std::size_t capacity;
    std::int64_t begin = 0, end = 0;                // numbers that have a value, of some metric
    std::vector<std::vector<HistoryValue>> values;  // by place in metrics_; empty of what was never known
    bool empty() const { return begin == end; }
    std::int64_t number_of(Timestamp time) const;
    const HistoryValue* at(std::size_t place, std::int64_t number) const;
    void put(std::size_t place, std::int64_t number, const HistoryValue& value);
    void reach(std::int64_t number);  // it is over, known or not
  };
  struct Gathered {
    double sum = 0, least = 0, greatest = 0;
    unsigned count = 0;
    double last = std::numeric_limits<double>::quiet_NaN();  // of a counter, at the last tick
    double grown = 0;                                        // of a counter, within the second
    std::optional<std::int64_t> seen{};                      // the second of the last known value
    void add(double value);
    void add(const HistoryValue& value);
    HistoryValue take();
  };

  std::optional<std::size_t> place_of(MetricId id) const;
  const Ring& ring_for(Duration span) const { return span <= kSecondsUsed ? seconds_ : minutes_; }
  void close_second(std::int64_t number, std::int64_t next);
  void load_rows(const History& history, const std::vector<HistoryRows>& runs, const ClockAnchor& anchor, Timestamp now, Ring& ring);
  void fold_minutes();
  void grow(std::size_t place, double growth, std::int64_t from, std::int64_t number);
  void fill(std::size_t place, std::int64_t from, std::int64_t number, const HistoryValue& value);

  std::vector<MetricId> metrics_;
  std::vector<std::int32_t> places_;  // by metric; -1: not kept
  std::vector<bool> counter_;         // by place
  std::vector<HistoryMetric> table_;
  Duration least_;
  Ring seconds_, minutes_;
  std::vector<Gathered> second_, minute_;
  std::optional<std::int64_t> current_;  // the second that is going on
  std::vector<double> stood_;            // by place: a counter at the end of the second `stood_at_`; NaN where unknown, or used
  std::int64_t stood_at_ = 0;
};

}  // namespace fdr

// The last minute of every metric: one row of values a tick, the oldest overwritten. Pure; time is what the caller
// says.
//
// A value that was not to be had is NaN and stays unknown through every comparison. Values are in
// the base unit of their metric: bytes, seconds, percent (0..100), or a plain count. Owned by the session's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/timeline.hpp"

namespace fdr {

using MetricId = std::uint32_t;

// What the catalogue says of one metric; `fdr doctor --metrics` prints it.
struct MetricInfo {
  std::string name;  // "host.cpu.system", "process[haproxy].rss", "beat.bfd.age"
  Unit unit = Unit::kNone;
  MetricKind kind = MetricKind::kGauge;
  std::string scope{};                                       // "host", "target haproxy", "recorder"
  std::string base{};                                        // "% of all CPUs", "% of one CPU", "bytes"
  std::string source{};                                      // "/proc/stat, mean over the last second"
  double maximum = std::numeric_limits<double>::infinity();  // never above this: a threshold beyond it is a mistake
  bool event = false;  // happens once (exit.code): known for its tick only, cannot "hold for 3 s"
};

class MetricCatalogue {
 public:
  MetricId add(MetricInfo info);  // an existing name gives its id
  std::optional<MetricId> find(std::string_view name) const;
  const MetricInfo& info(MetricId id) const { return infos_[id]; }
  std::size_t size() const { return infos_.size(); }
  std::vector<std::string> names() const;

 private:
  std::vector<MetricInfo> infos_;
  std::map<std::string, MetricId, std::less<>> ids_;
};

class MetricPast;

class MetricHistory {
 public:
  // Room for `ticks` rows of `metrics` values; allocated here, never later.
  MetricHistory(std::size_t metrics, std::size_t ticks);

  // `time` not before that of the last push, one value for each metric.
  void push(Timestamp time, std::span<const double> values);

  // What longer look-backs are answered from (metric_past.hpp); outlives this. Without one they are unknown where the ticks do not reach.
  void set_past(const MetricPast* past) { past_ = past; }
  const MetricPast* past() const { return past_; }

  std::size_t size() const { return used_; }
  Timestamp time(std::size_t index) const;  // 0 is the oldest kept
  double value(MetricId id, std::size_t index) const;
  double latest(MetricId id) const;  // NaN before the first tick
  // The value at the newest tick not after `time`; NaN where the history does not reach back that far.
  double at(MetricId id, Timestamp time) const;
  // The same, on the straight line between the two ticks around `time`: a late tick does not make a second longer. NaN
  // where either is unknown.
  double interpolated(MetricId id, Timestamp time) const;
  // Index of the newest tick not after `time`; nothing where the history does not reach back that far.
  std::optional<std::size_t> index_at(Timestamp time) const;

 private:
  std::size_t row(std::size_t index) const { return (first_ + index) % capacity_; }
  std::size_t metrics_, capacity_, first_ = 0, used_ = 0;
  std::vector<Timestamp> times_;
  std::vector<double> values_;
  const MetricPast* past_ = nullptr;
};

}  // namespace fdr

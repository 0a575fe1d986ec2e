// Metrics from the kernel-side accounting of each thread (wire.h, fdr_thread): no reading of /proc, so their cost is small for many threads.
//
// process.syscalls, process.syscalls.errors, process.cpu.demand, thread.cpu.max. The dead stay counted. Sums over all slots are made once a
// second where there are more than kEachTick threads, else each tick. Session thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "recorder/window/window.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

class ThreadMetrics {
 public:
  explicit ThreadMetrics(const MetricCatalogue& catalogue);
  // `live`: slots in use; `ended`: accounts of threads that ended since the last tick.
  void read(const fdr_thread* threads, std::span<const std::uint32_t> live, std::span<const fdr_thread> ended, Timestamp now,
            std::span<double> row);

 private:
  static constexpr std::size_t kEachTick = 512;
  struct Sums {
    std::uint64_t calls = 0, errors = 0, demand_ns = 0;
  };
  struct Moment {
    Timestamp time;
    std::uint64_t demand_ns;
    std::unordered_map<std::uint32_t, std::uint64_t> cpu_by_thread;
  };
  std::optional<MetricId> calls_, errors_, demand_, busiest_;
  Sums dead_;
  std::deque<Moment> second_;  // the last second, for sliding means
  Timestamp last_{};
  double values_[4] = {};
};

}  // namespace fdr

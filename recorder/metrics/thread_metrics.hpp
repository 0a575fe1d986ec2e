// Metrics from the kernel-side accounting of each thread (wire.h, fdr_thread): no reading of /proc, so their cost is small for many threads.
//
// process.syscalls, process.syscalls.errors, process.cpu.demand, process.cpu.wait, of each target and of all; thread.cpu.max. The dead stay counted. Sums
// over all slots are made once a second where there are more than kEachTick threads (counters then rise in straight lines, straight_line.hpp), else
// each tick. Session thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "recorder/metrics/straight_line.hpp"
#include "recorder/window/window.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

class ThreadMetrics {
 public:
  ThreadMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names);
  // `live`: slots in use; `ended`: accounts of threads that ended since the last tick; `lacks`: fdr_lacks, what they do not tell stays unknown.
  void read(const fdr_thread* threads, std::span<const std::uint32_t> live, std::span<const fdr_thread> ended, std::uint32_t lacks, Timestamp now,
            std::span<double> row);

 private:
  static constexpr std::size_t kEachTick = 512;
  struct Sums {
    std::uint64_t calls = 0, errors = 0, ran_ns = 0, waited_ns = 0;
    void add(const fdr_thread& thread);
  };
  // A target, or all of them.
  struct Tree {
    std::optional<MetricId> calls_id, errors_id, demand_id, wait_id;
    Sums dead, sums;
    StraightLine calls, errors;
    double demand, wait;
  };
  struct Moment {
    Timestamp time;
    std::vector<std::uint64_t> ran_ns, waited_ns;  // by tree
    std::unordered_map<std::uint32_t, std::uint64_t> cpu_by_thread;
  };
  template <class Use>
  void each_tree(std::uint32_t target, Use use) {
    if (target + 1 < trees_.size()) use(trees_[target]);
    use(trees_.back());
  }
  void sum_up(const fdr_thread* threads, std::span<const std::uint32_t> live, Timestamp now);

  std::vector<Tree> trees_;    // one for each target, then all together
  std::optional<MetricId> busiest_id_;
  double busiest_;
  std::deque<Moment> second_;  // the last second, for sliding means
  Timestamp last_{};
};

}  // namespace fdr

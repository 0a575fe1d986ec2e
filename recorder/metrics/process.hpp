// Metrics of the targets' process trees: cpu, memory, descriptors, threads, faults from /proc/PID. One ProcessMetrics
// for all targets.
//
// /proc/PID/{stat,status} are opened once per process and kept (for kKeptOpen processes; the rest is opened anew each
// time); a tree's CPU time and counters are those of the living plus those of the dead (`ended`), so that they never
// jump back, and count from the moment a process became a member (from 0 where it was born as one). CPU figures are
// means over a sliding second, in percent of one CPU. Its cost is bounded: at most kProcessesPerTick processes are read
// in a tick, in rotation, and fewer where that would cost more than `cpu_share` of a CPU (a stat of 5 000 threads takes
// 0.5 ms); sums then hold what was read last.
//
// Unknown: everything but `processes` until each process that existed before was read once; rss, fds and the like while
// none lives. Session thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "recorder/cost/cost_budget.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

class ProcessMetrics {
 public:
  static constexpr int kProcessesPerTick = 64;
  static constexpr int kKeptOpen = 128;  // three descriptors each

  ProcessMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names,
                 const std::string& proc = "/proc", double cpu_share = 0.0015);
  ~ProcessMetrics();

  // The process table tells of members; `target` indexes target_names.
  void began(std::int32_t pid, std::size_t target);
  // CPU times that it had used in all, as the kernel said at its end; 0 where that is not known.
  void ended(std::int32_t pid, double user_s, double system_s, Timestamp now);
  // Writes the targets' values into `row` (indexed by MetricId). What could not be read is NaN.
  void read(Timestamp now, std::span<double> row);
  // Of a tick, with as many processes as were read in it.
  ReadingCost cost() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

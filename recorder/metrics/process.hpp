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
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/metric_history.hpp"

namespace fdr {

struct ProcStat {  // /proc/PID/stat, parsed from the last ')' on: a comm may hold anything
  std::string comm;
  char state = '?';
  std::int32_t parent = 0;
  double user_s = 0, system_s = 0;
  std::uint64_t minor_faults = 0, major_faults = 0, rss_bytes = 0, start_ticks = 0;
  int threads = 0;
};
std::optional<ProcStat> parse_pid_stat(std::string_view text, long ticks_per_second, long page_size);

struct ProcMemory {
  std::uint64_t anon = 0, file = 0, shmem = 0, swap = 0;
  std::uint64_t voluntary = 0, involuntary = 0;
};  // bytes
std::optional<ProcMemory> parse_pid_status(std::string_view text);

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
  void ended(std::int32_t pid, double user_s, double system_s);
  // Writes the targets' values into `row` (indexed by MetricId). What could not be read is NaN.
  void read(Timestamp now, std::span<double> row);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

// Metrics of the targets' process trees: cpu, memory, descriptors, threads, faults from /proc/PID. One ProcessMetrics for all targets.
//
// /proc/PID/{stat,status,io} are opened once per process and kept (bounded; the rest is opened anew each time); a tree's CPU time is
// that of the living plus what the dead had used (`ended`), so that it never jumps back. CPU figures are means over a sliding second,
// in percent of one CPU. Its cost is bounded: at most `kProcessesPerTick` processes are read in a tick, in rotation. Session thread only.
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

struct ProcMemory { std::uint64_t anon = 0, file = 0, shmem = 0, swap = 0; std::uint64_t voluntary = 0, involuntary = 0; };  // bytes
std::optional<ProcMemory> parse_pid_status(std::string_view text);

class ProcessMetrics {
 public:
  ProcessMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names,
                 const std::string& proc = "/proc");
  ~ProcessMetrics();

  // The process table tells of members; `target` indexes target_names.
  void began(std::int32_t pid, std::size_t target);
  // CPU times and faults it had used in all, as the kernel said at its end.
  void ended(std::int32_t pid, double user_s, double system_s);
  void read(Timestamp now, std::span<double> row);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

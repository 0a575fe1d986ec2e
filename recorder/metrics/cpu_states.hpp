// What single CPUs spend their time on, since a host that is half idle may have one CPU that is full: host.cpu.max.STATE, of the CPU where that
// share is highest, and host.cpu[N].STATE of the CPUs that rules name. From the cpuN lines of /proc/stat (proc(5)), means over a sliding second.
// Pure; one thread.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "recorder/metrics/host.hpp"
#include "recorder/metrics/sliding_second.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

// user, system, iowait, irq, softirq, steal, busy: all but idle and iowait.
inline constexpr std::array kCpuStates = {"user", "system", "iowait", "irq", "softirq", "steal", "busy"};
using CpuShares = std::array<double, kCpuStates.size()>;  // percent

// {user, system, iowait, irq, softirq, steal, idle}; niced time is user's.
using CpuSeconds = std::array<double, 7>;
CpuSeconds cpu_seconds(const CpuTimes& times);
// A change of them as percent of their sum, which is what the kernel itself accounted, not the clock. Nothing where that is nothing.
std::optional<CpuShares> cpu_shares(const CpuSeconds& change);

// CPUs that a condition names ("host.cpu[3].softirq"), and their metrics.
std::vector<int> cpus_named_in(std::string_view condition);
void add_cpu_states(int cpu, MetricCatalogue& catalogue);

class CpuStates {
 public:
  explicit CpuStates(const MetricCatalogue& catalogue);
  // `text`: all of /proc/stat.
  void push(std::string_view text, long ticks_per_second, Timestamp now);
  void write(std::span<double> row) const;

 private:
  struct Named {
    int cpu;
    std::array<std::optional<MetricId>, kCpuStates.size()> ids;
    CpuShares shares;
  };
  std::array<std::optional<MetricId>, kCpuStates.size()> highest_ids_;
  CpuShares highest_;
  std::vector<Named> named_;
  std::map<int, SlidingSecond<7>> cpus_;  // that are online
};

}  // namespace fdr

// Host metrics from /proc: cpu, memory, vm, pressure, swap, network. Files stay open and are read with pread, once a
// tick; a file that is not there makes its metrics unknown, with the reason. Parsers are free functions over text, so
// tests use captured files. CPU figures are means over a sliding second. Each file has a share of
// a CPU that reading it may cost; one that costs more (/proc/stat of a large host) is read less often: its gauges stay until then, its counters rise
// in straight lines (straight_line.hpp). Session thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/cost/cost_budget.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

struct CpuTimes {  // in seconds
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
};
// Behind the "cpu3" of a line.
std::optional<CpuTimes> parse_cpu_times(std::string_view line, long ticks_per_second);
std::optional<CpuTimes> parse_proc_stat(std::string_view text, long ticks_per_second);  // of all CPUs together
// "MemFree:  123 kB" -> bytes by name; vmstat "pgfault 12" -> counts by name.
std::map<std::string, double, std::less<>> parse_meminfo(std::string_view text);
std::map<std::string, double, std::less<>> parse_vmstat(std::string_view text);
// total stall time in seconds of "some"/"full"
struct Pressure {
  double some = 0, full = 0;
};
std::optional<Pressure> parse_pressure(std::string_view text);
// /proc/net/snmp and netstat: "Udp.RcvbufErrors" -> count
std::map<std::string, double, std::less<>> parse_net_counters(std::string_view text);

class HostMetrics {
 public:
  // `proc` is "/proc"; a test may give another root.
  explicit HostMetrics(const MetricCatalogue& catalogue, const std::string& proc = "/proc");
  ~HostMetrics();
  // Writes the host's values into `row` (indexed by MetricId). What could not be read is NaN.
  void read(Timestamp now, std::span<double> row);

  // What cannot be measured here and why: "host.psi.cpu.some, ...: /proc/pressure/cpu: No such file or directory".
  std::vector<std::string> problems() const;
  // What reading a file cost so far, and the metrics that come of it.
  struct FileCost {
    std::string file;
    std::vector<std::string> metrics;
    ReadingCost cost;
  };
  std::vector<FileCost> costs() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

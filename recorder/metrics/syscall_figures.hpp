// syscall.NAME.{rate,errors,latency,longest}: one system call of all targets, for the rules that speak of it. From the exact sums that
// are read once a second (window/summary_log.hpp), so it costs nothing more.
//
// Only names that a rule uses are in the catalogue: there are 360 calls, and nobody watches them all. Unknown until the first second
// is over, and for ever where calls are not counted (syscalls.detail = "off"). latency is unknown in a second without that call. errors
// is late by a second (straight_line.hpp).
// Session thread only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/metrics/straight_line.hpp"
#include "recorder/window/summary_log.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

// Names of calls that a condition speaks of: "syscall.openat.errors > 5" -> {"openat"}. No name twice; what is no system call is left out.
std::vector<std::string> syscalls_named_in(std::string_view condition);
void add_syscall_figures(const std::string& name, MetricCatalogue& catalogue);

class SyscallFigures {
 public:
  explicit SyscallFigures(const MetricCatalogue& catalogue);
  void read(const SummaryLog& log, Timestamp now, std::span<double> row);
  // Calls are not counted for a while: the first second after it is a first one again.
  void forget();

 private:
  struct Figures {
    std::uint16_t number;
    MetricId rate, errors, latency, longest;
    double calls_a_second, mean_s, longest_s;
    double errors_known;  // by the end of the last second
    StraightLine errors_line;
  };
  void add_second(const SummaryLog& log);

  std::vector<Figures> calls_;
  Timestamp read_at_{};
  Duration second_{};  // that was read last
};

}  // namespace fdr

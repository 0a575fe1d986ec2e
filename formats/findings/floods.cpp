// Too many system calls of one kind, and clocks that are read by system calls although the vDSO should spare them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/findings/families.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"

namespace fdr {
namespace {

Finding flood(const Evidence& ev) {
  const char* title = "call flood: far more system calls than before";
  if (!ev.has_calls()) return not_measurable("call-flood", title, "system calls were not summed");
  const CallChange all = ev.all_calls();
  const double before = ev.quiet_rate(all.quiet), since = ev.rate(all.incident);
  const std::string total = fmt::format("{} calls before, {} since", per_second(before), per_second(since));
  if (!ev.has_quiet) return since < 1000 ? speaks_against("call-flood", title, per_second(since) + " calls") : not_measurable("call-flood", title, per_second(since) + " calls; no quiet part to compare with");
  const std::pair<const std::string, CallChange>* most = nullptr;
  double gain = 0;
  for (const auto& entry : ev.calls()) {
    const double more = ev.rate(entry.second.incident) - ev.quiet_rate(entry.second.quiet);
    if (more > gain) gain = more, most = &entry;
  }
  if (most && gain > 500 && ev.rate(most->second.incident) > 3 * ev.quiet_rate(most->second.quiet) && since > 1.5 * before) {
    const double cpu = to_seconds(most->second.incident_cpu) / ev.incident_s;
    return speaks_for("call-flood", fmt::format("call flood: {} {}", most->first, per_second(ev.rate(most->second.incident))), 0.55 + std::min(0.2, cpu / 2),
                      fmt::format("{} {} before, {} since, {} of a CPU in it; of all {}", most->first, per_second(ev.quiet_rate(most->second.quiet)), per_second(ev.rate(most->second.incident)),
                                  percent(100 * cpu), total), "fdr show BUNDLE syscalls");
  }
  if (since <= 1.3 * before + 50) return speaks_against("call-flood", title, total);
  return not_measurable("call-flood", title, total + ": more, not far more");
}

// Clocks that a vDSO answers where the clock source allows it. CPU-time clocks (2, 3) and those of devices (negative)
// always enter the kernel; linux/time.h.
bool spared_by_vdso(std::uint64_t clock) {
  return clock == 0 || clock == 1 || (clock >= 4 && clock <= 7) || clock == 11;
}

Finding clock_calls(const Evidence& ev) {
  const char* title = "clock calls: clocks are read by system calls";
  if (!ev.has_calls()) return not_measurable("clock-calls", title, "system calls were not summed");
  static constexpr std::array kNames = {"clock_gettime", "gettimeofday", "time"};
  const CallChange all = ev.all_calls();
  double rate = 0, cpu = 0;
  std::string greatest;
  double greatest_rate = 0;
  bool judged = true;
  for (const char* name : kNames) {
    const auto found = ev.calls().find(name);
    if (found == ev.calls().end() || found->second.incident == 0) continue;
    double share = 1;
    if (name == std::string_view("clock_gettime")) {
      const auto number = syscall_number(name);
      std::uint64_t kept = 0, spared = 0;
      for (const SyscallCall& call : ev.view.timeline.syscalls)
        if (number && call.number == *number && call.abi == SyscallAbi::kNative && ev.view.wants_thread(call.thread)) ++kept, spared += spared_by_vdso(call.argument);
      judged = kept > 0;
      share = kept > 0 ? static_cast<double>(spared) / static_cast<double>(kept) : 0;
    }
    const double one = share * ev.rate(found->second.incident);
    rate += one;
    cpu += share * to_seconds(found->second.incident_cpu) / ev.incident_s;
    if (one > greatest_rate) greatest_rate = one, greatest = name;
  }
  if (!judged) return not_measurable("clock-calls", title, "which clocks were read was not kept");
  const double share = all.incident > 0 ? rate / ev.rate(all.incident) : 0;
  const std::string figures = fmt::format("{}: {}, {} of all calls, {} of a CPU", greatest.empty() ? "clock_gettime, gettimeofday, time" : greatest, per_second(rate), percent(100 * share), percent(100 * cpu));
  if (rate < 100 || share < 0.05) return speaks_against("clock-calls", title, figures);
  if (!ev.alarmed) return not_measurable("clock-calls", title, figures);
  return speaks_for("clock-calls", fmt::format("clock calls: {} enters the kernel {}", greatest, per_second(rate)), 0.55 + std::min(0.3, share / 2),
                    figures + "; the vDSO should spare them: the clock source of the host, or whoever stands between the program and the vDSO", "fdr show BUNDLE syscalls");
}

}  // namespace

Findings find_floods(const Evidence& ev) { return {flood(ev), clock_calls(ev)}; }

}  // namespace fdr

// A thread that spins: on a CPU all the time, and not one system call. What it is not is half of the finding: a thread
// that makes no futex call waits for no lock.
#include <fmt/format.h>

#include <algorithm>

#include "formats/findings/families.hpp"
#include "formats/findings/samples.hpp"
#include "formats/report/table.hpp"
#include "formats/syscall_names.hpp"

namespace fdr {
namespace {

constexpr double kSpins = 0.8;         // of the time on a CPU or waiting for one
constexpr double kSeenLeast_s = 1.0;   // without a call for at least so long
constexpr std::uint64_t kSamplesLeast = 30;

// Single calls are kept for less than the window at high rates: since when they are.
Timestamp calls_from(const Evidence& ev) {
  const auto ring = ev.view.manifest.rings.find("syscalls");
  if (ring == ev.view.manifest.rings.end() || ring->second.kept == 0) return ev.end;
  const double obtained = std::clamp(ring->second.obtained_s, 0.0, 1e9);
  return std::max(ev.begin, ev.view.to() - from_seconds(obtained));
}

struct Doings {
  std::uint64_t calls = 0, futexes = 0;
  Duration runnable{}, asleep{};
};

Doings doings_of(const Evidence& ev, std::uint32_t thread, Timestamp from) {
  Doings doings;
  const auto futex = syscall_number("futex");
  for (const SyscallCall& call : ev.view.timeline.syscalls) {
    if (call.thread != thread || call.begin < from || call.begin > ev.end) continue;
    ++doings.calls;
    doings.futexes += call.number == futex && call.abi == SyscallAbi::kNative;
  }
  for (const Stall& stall : ev.view.timeline.stalls) {
    if (stall.thread != thread) continue;
    const Duration inside = ev.within_incident(stall.begin, stall.length);
    (stall.kind == StallKind::kRunnable ? doings.runnable : doings.asleep) += inside;
  }
  return doings;
}

}  // namespace

Findings find_spin(const Evidence& ev) {
  const char* title = "spin: a thread that loops without a system call";
  const char* lock = "lock: waits in a futex";
  const SampleCounts all = count_samples(ev, Side::kIncident);
  if (all.all < kSamplesLeast || ev.incident_s < kSeenLeast_s)
    return {not_measurable("spin", title, fmt::format("only {} clock samples in {:.1f} s", all.all, ev.incident_s)),
            not_measurable("lock", lock, "no thread ran enough to judge")};
  const auto busiest = std::max_element(all.by_thread.begin(), all.by_thread.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
  const std::uint32_t thread = busiest->first;
  const std::string who = ev.view.labels.thread(thread);
  const double on_cpu = static_cast<double>(busiest->second) / ev.sampled_hz / ev.incident_s;
  const Timestamp from = calls_from(ev);
  const double seen_s = to_seconds(ev.end - from);
  const MetricPoints spared = ev.points("recorder.calls_spared");
  const bool unseen = std::any_of(spared.begin(), spared.end(), [](const auto& point) { return point.second > 0; });  // then none of a thread says nothing
  if (unseen || seen_s < kSeenLeast_s)
    return {not_measurable("spin", title, "single calls were not kept for this part of the window"),
            not_measurable("lock", lock, "single calls were not kept for this part of the window")};

  const Doings doings = doings_of(ev, thread, from);
  const double runnable = to_seconds(doings.runnable) / ev.incident_s, asleep = to_seconds(doings.asleep) / ev.incident_s;
  const std::string more = thread_at(ev.view.timeline, thread)
                               ? fmt::format("fdr show BUNDLE stacks --thread {}", thread_at(ev.view.timeline, thread)->tid)
                               : "fdr show BUNDLE threads";
  Findings findings;
  // Half on a CPU where it never slept: on a crowded host the rest is the run queue's.
  const bool spins = doings.calls == 0 && asleep < 0.02 && on_cpu >= 0.5 && on_cpu + runnable >= kSpins && ev.alarmed;
  if (spins) {
    const SampleCounts own = count_samples(ev, Side::kIncident, thread);
    const auto loop = common_path(ev, own, 0.9);
    const std::string function = loop.empty() ? "" : ev.name(loop.back());
    std::string evidence = fmt::format("on a CPU {} of {:.1f} s, 0 system calls, never slept", percent(100 * std::min(on_cpu, 1.0)),
                                       ev.incident_s);
    evidence += fmt::format("; kernel {} of {} samples", percent(100.0 * static_cast<double>(own.kernel) / static_cast<double>(own.all)),
                            own.all);
    if (!loop.empty()) evidence += "; loop: " + innermost(ev, loop, 3);
    std::uint64_t before = 0;
    if (ev.has_quiet) {
      const SampleCounts quiet = count_samples(ev, Side::kQuiet, thread);
      before = quiet.all;
      evidence += fmt::format("; before {} of a CPU", percent(100.0 * static_cast<double>(before) / ev.sampled_hz / ev.quiet_s));
    }
    findings.push_back(speaks_for("spin", "spin: " + who + (function.empty() ? "" : " loops in " + cut(function, 60)),
                                  ev.has_quiet ? 0.98 : 0.6, evidence, more));
  } else {
    findings.push_back(speaks_against(
        "spin", title, fmt::format("the busiest thread, {}, made {} calls; it was on a CPU {} of the time", who,
                                   per_second(static_cast<double>(doings.calls) / seen_s), percent(100 * std::min(on_cpu, 1.0))), more));
  }

  // A thread that held things up by a lock would be asleep in futex, not on the CPU.
  const CallChange futex = ev.calls_named({"futex", "futex_waitv", "futex_wait"});
  const double futexes = static_cast<double>(doings.futexes) / seen_s;
  if (on_cpu >= 0.2 && futexes < 1) {
    findings.push_back(speaks_against("lock", lock, fmt::format("the hot thread {} made {} futex calls in {:.1f} s",
                                                                who, doings.futexes, seen_s)));
  } else if (!ev.has_calls()) {
    findings.push_back(not_measurable("lock", lock, "system calls were not summed"));
  } else if (futex.incident == 0) {
    findings.push_back(speaks_against("lock", lock, fmt::format("0 futex calls in {:.1f} s", ev.incident_s)));
  } else {
    const double before = ev.quiet_rate(futex.quiet), since = ev.rate(futex.incident);
    const double cpu = to_seconds(futex.incident_cpu) / ev.incident_s, cpu_before = ev.quiet_s > 0 ? to_seconds(futex.quiet_cpu) / ev.quiet_s : 0;
    const std::string figures = fmt::format("futex calls {} before, {} since, {} of a CPU in them", per_second(before), per_second(since), percent(100 * cpu));
    if (ev.has_quiet && since > 1000 && since > 5 * before && cpu > 0.2 && cpu > 5 * cpu_before)
      findings.push_back(speaks_for("lock", "lock: contended futexes", 0.6, figures, "fdr show BUNDLE syscalls"));
    else if (ev.has_quiet && since <= 1.5 * before + 10)
      findings.push_back(speaks_against("lock", lock, figures));
    else
      findings.push_back(not_measurable("lock", lock, figures + "; idle threads wait in futexes too"));
  }
  return findings;
}

}  // namespace fdr

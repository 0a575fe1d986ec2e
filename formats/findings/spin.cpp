// A thread that spins: on a CPU all the time, and not one system call. What it is not is half of the finding: a thread
// that makes no futex call waits for no lock.
#include <fmt/format.h>

#include <algorithm>

#include "formats/duration_sum.hpp"
#include "formats/findings/families.hpp"
#include "formats/findings/samples.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"

namespace fdr {
namespace {

constexpr double kSpins = 0.8;         // of the time on a CPU or waiting for one
constexpr double kSeenLeast_s = 1.0;   // without a call for at least so long
constexpr double kSeenWhole = 0.97;    // of the incident
constexpr std::uint64_t kSamplesLeast = 30;

// A thread's calls in the part of the incident in which they are known.
struct Calls {
  double seconds = 0;
  std::uint64_t calls = 0, futexes = 0;
};

bool is_futex(std::uint16_t number, SyscallAbi abi) { return number == syscall_number("futex") && abi == SyscallAbi::kNative; }

Timestamp last_of(const Evidence& ev, double seconds) { return std::max(ev.begin, ev.view.to() - from_seconds(std::clamp(seconds, 0.0, 1e9))); }

// Single calls: at high rates they are kept for less than the window. A ring without a record has seen none; one that is lacking is not there,
// and one that was left out obtained nothing.
Calls kept_calls(const Evidence& ev, std::uint32_t thread) {
  const auto ring = ev.view.manifest.rings.find("syscalls");
  if (ring == ev.view.manifest.rings.end()) return {};
  const Timestamp from = last_of(ev, ring->second.obtained_s);
  Calls known{.seconds = std::max(0.0, to_seconds(ev.end - from))};
  for (const SyscallCall& call : ev.view.timeline.syscalls) {
    if (call.thread != thread || call.begin < from || call.begin > ev.end) continue;
    ++known.calls;
    known.futexes += is_futex(call.number, call.abi);
  }
  return known;
}

// Sums reach over the whole window, of a thread since it was first seen and of a process by the second. They speak of this thread where there
// were none at all, or where it is the only one of its process.
Calls summed_calls(const Evidence& ev, std::uint32_t thread) {
  const Timeline& timeline = ev.view.timeline;
  const auto ring = ev.view.manifest.rings.find("summary");
  const Thread* known_thread = thread_at(timeline, thread);
  // Dropped are threads that found no slot: nobody counted theirs.
  if (!known_thread || ring == ev.view.manifest.rings.end() || !(ring->second.obtained_s > 0) || ring->second.dropped > 0) return {};
  const ThreadAccount& account = known_thread->account;
  if (account.observed > Duration{0} && account.syscalls == 0)
    return {.seconds = std::max(0.0, to_seconds(ev.end - last_of(ev, to_seconds(account.observed))))};

  // A second across an edge of the incident does not say on which side of it a call was.
  const Timestamp from = last_of(ev, ring->second.obtained_s);
  Timestamp first = from, last = ev.end;
  Calls known;
  for (const SyscallSummary& sum : timeline.summary) {
    if (sum.process != known_thread->process && sum.process != kNoIndex) continue;
    if (sum.begin > ev.end) continue;
    const Timestamp end = sum.begin + std::clamp(sum.interval, Duration{0}, Duration{10'000'000'000});
    if (sum.calls == 0 || end <= from) continue;
    if (sum.process == kNoIndex) return {};  // of whom it is nobody knows
    if (sum.begin < from) first = std::max(first, end);
    else if (end > ev.end) last = std::min(last, sum.begin);
    else known.calls += sum.calls, known.futexes += is_futex(sum.number, sum.abi) ? sum.calls : 0;
  }
  const auto threads = std::count_if(timeline.threads.begin(), timeline.threads.end(), [&](const Thread& one) { return one.process == known_thread->process; });
  if (known.calls > 0 && threads != 1) return {};
  known.seconds = std::max(0.0, to_seconds(last - first));
  return known;
}

// What knows more of the incident; never a sum that has none against a call that was kept.
Calls known_calls(const Evidence& ev, std::uint32_t thread) {
  const Calls kept = kept_calls(ev, thread), summed = summed_calls(ev, thread);
  return summed.seconds > kept.seconds && (summed.calls > 0 || kept.calls == 0) ? summed : kept;
}

struct Waits {
  Duration runnable{}, asleep{};
};

Waits waits_of(const Evidence& ev, std::uint32_t thread) {
  Waits waits;
  for (const Stall& stall : ev.view.timeline.stalls) {
    if (stall.thread != thread) continue;
    const Duration inside = ev.within_incident(stall.begin, stall.length);
    add_up(stall.kind == StallKind::kRunnable ? waits.runnable : waits.asleep, inside);
  }
  return waits;
}

}  // namespace

Findings find_spin(const Evidence& ev) {
  const char* title = "spin: a thread that loops without a system call";
  const char* lock = "lock: waits in a futex";
  const SampleCounts all = count_samples(ev, Side::kIncident);
  const double sampled_s = ev.sampled_seconds(Side::kIncident);
  if (all.all < kSamplesLeast || sampled_s < kSeenLeast_s)
    return {not_measurable("spin", title, fmt::format("only {} clock samples in {:.1f} s", all.all, sampled_s)),
            not_measurable("lock", lock, "no thread ran enough to judge")};
  const auto busiest = std::max_element(all.by_thread.begin(), all.by_thread.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
  const std::uint32_t thread = busiest->first;
  const std::string who = ev.view.labels.thread(thread);
  const double on_cpu = ev.of_cpu(busiest->second, Side::kIncident) / 100;
  const Calls known = known_calls(ev, thread);
  const MetricPoints spared = ev.points("recorder.calls_spared");
  const bool unseen = std::any_of(spared.begin(), spared.end(), [](const auto& point) { return point.second > 0; });  // then none of a thread says nothing
  if (unseen || known.seconds < kSeenLeast_s)
    return {not_measurable("spin", title, "the calls of this part of the window are not known"),
            not_measurable("lock", lock, "the calls of this part of the window are not known")};

  const Waits waits = waits_of(ev, thread);
  const double runnable = to_seconds(waits.runnable) / ev.incident_s, asleep = to_seconds(waits.asleep) / ev.incident_s;
  const std::string more = thread_at(ev.view.timeline, thread)
                               ? fmt::format("fdr show BUNDLE stacks --thread {}", thread_at(ev.view.timeline, thread)->tid)
                               : "fdr show BUNDLE threads";
  Findings findings;
  // Half on a CPU where it never slept: on a crowded host the rest is the run queue's.
  const bool spins = known.calls == 0 && asleep < 0.02 && on_cpu >= 0.5 && on_cpu + runnable >= kSpins && ev.alarmed;
  if (spins) {
    const SampleCounts own = count_samples(ev, Side::kIncident, thread);
    const auto loop = common_path(ev, own, 0.9);
    const std::string function = loop.empty() ? "" : ev.name(loop.back());
    std::string evidence = fmt::format("on a CPU {} of {:.1f} s, 0 system calls", percent(100 * std::min(on_cpu, 1.0)), sampled_s);
    const double seen = std::min(1.0, known.seconds / ev.incident_s);
    if (seen < kSeenWhole) evidence += fmt::format(" in the {:.1f} s of which they are known", known.seconds);
    evidence += ", never slept";
    evidence += fmt::format("; kernel {} of {} samples", percent(100.0 * static_cast<double>(own.kernel) / static_cast<double>(own.all)),
                            own.all);
    if (!loop.empty()) evidence += "; loop: " + innermost(ev, loop, 3);
    const bool compared = ev.has_quiet && ev.sampled(Side::kQuiet);
    if (compared) evidence += fmt::format("; before {} of a CPU", percent(ev.of_cpu(count_samples(ev, Side::kQuiet, thread).all, Side::kQuiet)));
    // The less of the incident it was seen without a call, the less is proven.
    const double sure = 0.5 + 0.5 * seen;
    findings.push_back(speaks_for("spin", "spin: " + who + (function.empty() ? "" : " loops in " + cut(function, 60)),
                                  (compared ? 0.98 : 0.6) * sure, evidence, more));
  } else {
    findings.push_back(speaks_against(
        "spin", title, fmt::format("the busiest thread, {}, made {} calls; it was on a CPU {} of the time", who,
                                   per_second(static_cast<double>(known.calls) / known.seconds), percent(100 * std::min(on_cpu, 1.0))), more));
  }

  // A thread that held things up by a lock would be asleep in futex, not on the CPU.
  const CallChange futex = ev.calls_named({"futex", "futex_waitv", "futex_wait"});
  const double futexes = static_cast<double>(known.futexes) / known.seconds;
  if (on_cpu >= 0.2 && futexes < 1) {
    findings.push_back(speaks_against("lock", lock, fmt::format("the hot thread {} made {} futex calls in {:.1f} s",
                                                                who, known.futexes, known.seconds)));
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

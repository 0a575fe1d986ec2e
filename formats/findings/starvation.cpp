// Wants a CPU and has none: the run queue, the hypervisor, the quota of its own group.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "formats/duration_sum.hpp"
#include "formats/findings/families.hpp"
#include "formats/findings/text_figures.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// Who else was on the CPUs that the targets ran on, by samples: "neighbour 4711 (48 %)". Empty where bystanders are not
// sampled.
std::string who_else(const Evidence& ev) {
  std::set<std::uint16_t> cpus;
  for (const StackSample& sample : ev.view.timeline.samples)
    if (ev.side(sample.time) == Side::kIncident && ev.view.wants_thread(sample.thread)) cpus.insert(sample.cpu);
  std::map<std::uint32_t, std::uint64_t> others;
  std::uint64_t all = 0;
  for (const StackSample& sample : ev.view.timeline.samples) {
    if (ev.side(sample.time) != Side::kIncident || !cpus.contains(sample.cpu)) continue;
    ++all;
    const Thread* thread = thread_at(ev.view.timeline, sample.thread);
    if (thread && !ev.view.wants_thread(sample.thread)) ++others[thread->process];
  }
  std::vector<std::pair<std::uint32_t, std::uint64_t>> sorted(others.begin(), others.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (std::size_t i = 0; i < sorted.size() && i < 3; ++i) {
    if (sorted[i].second * 20 < all) break;  // a twentieth explains nothing
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", ev.view.labels.process(sorted[i].first),
                        share_text(static_cast<double>(sorted[i].second), static_cast<double>(all)));
  }
  return text;
}

Finding run_queue(const Evidence& ev) {
  const char* title = "run queue: ready to run, and not given a CPU";
  const Change demand = ev.change("process.cpu.demand"), total = ev.change("process.cpu.total");
  if (!demand.known || !total.known) return not_measurable("run-queue", title, "demand was not recorded");
  const double waited = std::max(0.0, demand.incident - total.incident), before = std::max(0.0, demand.quiet - total.quiet);
  Duration longest{};
  std::uint32_t who = kNoIndex;
  for (const Stall& stall : ev.view.timeline.stalls)
    if (stall.kind == StallKind::kRunnable && ev.view.wants_thread(stall.thread) && ev.side(stall.begin, stall.length) == Side::kIncident &&
        stall.length > longest)
      longest = stall.length, who = stall.thread;
  std::string figures = fmt::format("waited {} of a CPU, ran {}", percent(waited), percent(total.incident));
  if (demand.compared) figures += fmt::format("; before it waited {}", percent(before));
  if (longest > Duration{0}) figures += fmt::format("; longest {}: {}", duration_text(longest), ev.view.labels.thread(who));
  const bool much = waited >= 25 && waited >= 0.2 * total.incident;
  if (much && (demand.compared ? waited > 2 * before + 10 : ev.alarmed && waited >= 50)) {
    const std::string others = who_else(ev);
    if (!others.empty()) figures += "; on its CPUs meanwhile: " + others;
    const Change busy = ev.change("host.cpu.busy");
    if (busy.known && busy.incident < 85)
      figures += fmt::format("; the host was {} busy: held by a limit of its own, or bound to a CPU that others have", percent(busy.incident));
    return speaks_for("run-queue", "run queue: ready to run, waits for a CPU", 0.5 + std::min(0.3, (waited - before) / 400), figures,
                      "fdr show BUNDLE stalls");
  }
  if (waited < 15 || (demand.compared && waited <= 1.3 * before + 5)) return speaks_against("run-queue", title, figures, "fdr show BUNDLE stalls");
  return not_measurable("run-queue", title, figures + ": neither little nor clearly more than before");
}

Finding steal(const Evidence& ev) {
  const char* title = "steal: the hypervisor takes the CPU away";
  const Change steal = ev.change("host.cpu.steal");
  if (!steal.known) return not_measurable("steal", title, "host.cpu.steal was not recorded");
  if (steal.incident >= 5 && (!steal.compared || steal.incident > 1.5 * steal.quiet))
    return ev.alarmed ? speaks_for("steal", title, 0.6 + std::min(0.35, steal.incident / 100), "stolen of all CPUs: " + steal.moved(), "fdr show BUNDLE metrics")
                      : not_measurable("steal", title, "stolen of all CPUs: " + steal.moved());
  if (steal.incident >= 5) return not_measurable("steal", title, "stolen of all CPUs: " + steal.moved() + ": much, but as before");
  return speaks_against("steal", title, fmt::format("{} of all CPUs, at most {}", percent(steal.incident), percent(steal.most)));
}

// Whether all targets may run on every CPU, by /proc/PID/status ("Cpus_allowed_list:\t0-7").
bool bound_to_no_cpu(const Evidence& ev) {
  std::size_t looked = 0;
  for (const std::int32_t pid : ev.view.manifest.target.pids) {
    const std::string status = ev.process_part(pid, "status.txt");
    for (const std::string_view line : lines_of_text(status)) {
      if (!line.starts_with("Cpus_allowed_list:")) continue;
      const auto words = words_of(line);
      ++looked;
      const std::string all = ev.view.manifest.host.cpus == 1 ? "0" : fmt::format("0-{}", ev.view.manifest.host.cpus - 1);
      if (words.size() != 2 || words[1] != all) return false;
    }
  }
  return looked > 0;
}

// The group of the CPU controller that the first target is in, as the host calls it: "; its group is /box/app".
std::string group_text(const Evidence& ev) {
  std::string group;
  for (const std::int32_t pid : ev.view.manifest.target.pids) {
    const std::string text = ev.process_part(pid, "cgroup.txt");
    for (const std::string_view line : lines_of_text(text)) {  // "1:cpu,cpuacct:/box/app", v2 "0::/box/app"
      const std::size_t first = line.find(':'), second = first == std::string_view::npos ? first : line.find(':', first + 1);
      if (second == std::string_view::npos) continue;
      const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
      const bool cpu = controllers.find(",cpu,") != std::string::npos;
      if (cpu || (group.empty() && line.starts_with("0::"))) group = line.substr(second + 1);
      if (cpu) break;
    }
    if (!group.empty()) break;
  }
  return group.empty() || group == "/" ? "" : "; its group is " + printable(group);
}

// "; quota 40 % of one CPU": what its share of the time is a share of.
std::string quota_text(const Evidence& ev) {
  const Change quota = ev.change("cgroup.cpu.limit");
  return quota.known ? "; quota " + percent(quota.incident) + " of one CPU" : "";
}

// What was seen at the switches themselves: threads that left the CPU because the quota had run out.
struct HeldBack {
  Duration together{}, quiet_together{}, longest{};
  std::uint64_t times = 0;
};
HeldBack held_back(const Evidence& ev) {
  HeldBack sum;
  for (const Stall& stall : ev.view.timeline.stalls) {
    if (stall.kind != StallKind::kThrottled || !ev.view.wants_thread(stall.thread)) continue;
    const Side side = ev.side(stall.begin, stall.length);
    if (side == Side::kQuiet) add_up(sum.quiet_together, stall.length);
    if (side != Side::kIncident) continue;
    ++sum.times, add_up(sum.together, ev.within_incident(stall.begin, stall.length)), sum.longest = std::max(sum.longest, stall.length);
  }
  return sum;
}

Finding throttling(const Evidence& ev) {
  const char* title = "throttled: held back by the quota of its own group";
  if (const HeldBack held = held_back(ev); held.times) {
    const double share = to_seconds(held.together) / ev.incident_s, before = ev.has_quiet ? to_seconds(held.quiet_together) / ev.quiet_s : 0;
    std::string figures = fmt::format("{} times {} together, longest {}", held.times, duration_text(held.together), duration_text(held.longest));
    if (ev.has_quiet) figures += fmt::format("; {} of each second, before {}", duration_text(from_seconds(share)), duration_text(from_seconds(before)));
    figures += quota_text(ev);
    if (share >= 0.1 && (ev.has_quiet ? share > 1.5 * before : ev.alarmed)) return speaks_for("throttling", title, 0.85, figures + group_text(ev), "fdr show BUNDLE stalls");
    return share < 0.02 ? speaks_against("throttling", title, figures) : not_measurable("throttling", title, figures + ": not clearly more than before");
  }
  for (const MetricSeries* series : ev.metrics_like("cgroup", "throttled")) {
    const Change share = ev.change_of(*series);
    if (!share.known) continue;
    const std::string figures = share.moved() + quota_text(ev);
    // Time held back where it is a counter or seconds; a share of periods where it is a percentage.
    const double much = series->unit == Unit::kPercent ? 20 : 0.1;
    if (share.incident >= much && (share.compared ? share.incident > 1.5 * share.quiet : ev.alarmed))
      return speaks_for("throttling", title, 0.85, "throttled: " + figures + group_text(ev), "fdr show BUNDLE metrics");
    return speaks_against("throttling", title, "throttled: " + figures);
  }
  // Without the group's own figures: who is ready to run while CPUs that it may use are idle is held back by a quota.
  const Change busy = ev.change("host.cpu.busy");
  Duration together{}, longest{};
  std::uint64_t held = 0;
  for (const Stall& stall : ev.view.timeline.stalls) {
    if (stall.kind != StallKind::kRunnable || stall.length < std::chrono::milliseconds(20) || !ev.view.wants_thread(stall.thread)) continue;
    const Duration inside = ev.within_incident(stall.begin, stall.length);
    if (inside <= Duration{0}) continue;
    ++held, add_up(together, inside), longest = std::max(longest, stall.length);
  }
  const std::string reason = "no metric of the cgroup's quota in this bundle";
  if (!busy.known || !bound_to_no_cpu(ev)) return not_measurable("throttling", title, reason);
  const double share = to_seconds(together) / ev.incident_s;
  const std::string figures = fmt::format("{} times ready and not run for 20 ms or more, {} together, longest {}, though the host was {} busy and no CPU forbidden to it", held,
                                          duration_text(together), duration_text(longest), percent(busy.incident));
  if (ev.alarmed && held >= 10 && share >= 0.2 && busy.incident < 75) return speaks_for("throttling", "throttled: held back though CPUs are idle: a quota", 0.7, figures, "fdr show BUNDLE stalls");
  return not_measurable("throttling", title, reason);
}

}  // namespace

Findings find_starvation(const Evidence& ev) { return {run_queue(ev), steal(ev), throttling(ev)}; }

}  // namespace fdr

// Where CPU time went that was not spent before: in the kernel and by which call, or in the program and in which function.
#include <fmt/format.h>

#include <algorithm>

#include "formats/findings/families.hpp"
#include "formats/findings/samples.hpp"
#include "formats/table.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kSamplesLeast = 20;

// The process most of the samples are of.
std::string busiest_process(const Evidence& ev, const SampleCounts& counts) {
  std::map<std::uint32_t, std::uint64_t> processes;
  for (const auto& [thread, samples] : counts.by_thread) {
    const Thread* known = thread_at(ev.view.timeline, thread);
    processes[known ? known->process : kNoIndex] += samples;
  }
  const auto most = std::max_element(processes.begin(), processes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == processes.end() ? "" : ev.view.labels.process(most->first);
}

struct Grown {
  FunctionId function = 0;
  std::uint64_t samples = 0;
  double since = 0, before = 0;  // % of a CPU
};

// Where there is a quiet part, it has to be sampled too.
bool compares_samples(const Evidence& ev) { return ev.sampled(Side::kIncident) && (!ev.has_quiet || ev.sampled(Side::kQuiet)); }

// Functions by how much more of a CPU they had since the onset. Callees of one another: the innermost that still has
// nine tenths of the gain of the greatest says most.
std::vector<Grown> grown_functions(const Evidence& ev, const SampleCounts& quiet, const SampleCounts& incident, bool kernel) {
  std::map<FunctionId, std::uint64_t> before;
  for (const auto& [function, samples] : functions_by_total(ev, quiet, kernel)) before[function] = samples;
  std::vector<Grown> grown;
  for (const auto& [function, samples] : functions_by_total(ev, incident, kernel)) {
    Grown one{function, samples, ev.of_cpu(samples, Side::kIncident), ev.of_cpu(before[function], Side::kQuiet)};
    grown.push_back(one);
  }
  std::stable_sort(grown.begin(), grown.end(), [](const Grown& a, const Grown& b) { return a.since - a.before > b.since - b.before; });
  return grown;
}

// The deepest function that has `share` of the samples' user or kernel part, with callers; what one would look at first.
std::vector<FunctionId> heaviest_path(const Evidence& ev, const SampleCounts& counts, bool kernel) {
  std::map<std::vector<FunctionId>, std::uint64_t> paths;
  for (const auto& [stack, samples] : counts.by_stack) {
    const auto& frames = kernel ? ev.kernel_frames(stack) : ev.user_frames(stack);
    if (!frames.empty()) paths[frames] += samples;
  }
  const auto most = std::max_element(paths.begin(), paths.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == paths.end() ? std::vector<FunctionId>{} : most->first;
}

std::string greatest_call(const Evidence& ev) {
  std::string name;
  Duration most{};
  for (const auto& [call, change] : ev.calls())
    if (change.incident_cpu > most) most = change.incident_cpu, name = call;
  if (most <= Duration{0}) return "";
  return fmt::format("{} has {} of a CPU", name, percent(100 * to_seconds(most) / ev.incident_s));
}

}  // namespace

Findings find_kernel_path(const Evidence& ev) {
  const char* title = "kernel time: system CPU";
  const Change system = ev.change("process.cpu.system");
  if (!system.known) return {not_measurable("kernel-path", title, "system CPU was not recorded")};
  const std::string figures = "system CPU of the targets " + system.moved();
  const bool high = system.incident >= 20 && (system.compared ? system.incident > 2 * system.quiet + 5 : ev.alarmed && system.incident >= 50);
  if (!high) {
    if (system.incident < 20 || (system.compared && system.incident <= 1.3 * system.quiet + 5))
      return {speaks_against("kernel-path", title, figures, "fdr show BUNDLE metrics")};
    return {not_measurable("kernel-path", title, figures + ": not clearly more than before")};
  }
  SampleCounts incident = count_samples(ev, Side::kIncident);
  std::string where, place;
  if (incident.kernel >= kSamplesLeast) {
    std::vector<Grown> grown;
    if (compares_samples(ev)) grown = grown_functions(ev, count_samples(ev, Side::kQuiet), incident, true);
    const auto path = heaviest_path(ev, incident, true);
    place = innermost(ev, path, 1);
    where = fmt::format("; {} of {} samples in the kernel", incident.kernel, incident.all);
    if (!path.empty()) where += ", most often " + innermost(ev, path, 3);
    for (const Grown& one : grown) {
      if (one.since < one.before + 5) break;
      if (std::find(path.begin(), path.end(), one.function) != path.end()) continue;
      where += fmt::format("; {} {} of a CPU, before {}", ev.name(one.function), percent(one.since), percent(one.before));
      break;
    }
  }
  const std::string call = greatest_call(ev);
  std::string name = "kernel time: " + busiest_process(ev, incident);
  if (!place.empty()) name += " in " + place;
  return {speaks_for("kernel-path", name, 0.5 + std::min(0.3, system.incident / 400), figures + where + (call.empty() ? "" : "; " + call), "fdr show BUNDLE stacks")};
}

Findings find_user_path(const Evidence& ev) {
  const char* title = "user CPU: the program's own code";
  const Change user = ev.change("process.cpu.user");
  if (!user.known) return {not_measurable("user-path", title, "user CPU was not recorded")};
  const std::string figures = "user CPU of the targets " + user.moved();
  if (user.incident < 15 || (user.compared && user.incident <= 1.3 * user.quiet + 5))
    return {speaks_against("user-path", title, figures, "fdr show BUNDLE metrics")};
  if (!user.grew(1.5, 10)) return {not_measurable("user-path", title, figures + (user.compared ? ": not clearly more than before" : ": no quiet part to compare with"))};
  const SampleCounts incident = count_samples(ev, Side::kIncident);
  if (incident.all < kSamplesLeast) return {not_measurable("user-path", title, fmt::format("{}; only {} clock samples", figures, incident.all))};
  if (!compares_samples(ev)) return {not_measurable("user-path", title, figures + "; too little of it, or of the quiet part, was sampled")};

  // Outermost functions hold everything and explain nothing: of those that gained nearly as much as the first, the one
  // with the fewest samples is the innermost.
  const auto grown = grown_functions(ev, count_samples(ev, Side::kQuiet), incident, false);
  std::string evidence = figures;
  std::string name;
  std::size_t told = 0;
  const double gained = grown.empty() ? 0 : grown[0].since - grown[0].before;
  const Grown* deepest = nullptr;
  const auto nearly_all = [&](const Grown& one) { return one.since - one.before >= 0.7 * gained; };
  for (const Grown& one : grown)
    if (nearly_all(one) && (!deepest || one.samples <= deepest->samples)) deepest = &one;
  if (deepest) name = cut(ev.name(deepest->function), 60);
  const auto path = heaviest_path(ev, incident, false);
  for (std::size_t i = 0; i < grown.size() && told < 3; ++i) {
    const Grown& one = grown[i];
    if ((nearly_all(one) && &one != deepest) || one.since - one.before < 0.1 * gained) continue;
    evidence += fmt::format("; {} {} of a CPU, before {}", cut(ev.name(one.function), 60), percent(one.since), percent(one.before));
    ++told;
  }
  if (!path.empty()) evidence += "; most often " + innermost(ev, path, 3);
  return {speaks_for("user-path", "user CPU: " + (name.empty() ? busiest_process(ev, incident) : name), 0.45 + std::min(0.3, (user.incident - user.quiet) / 400), evidence,
                     "fdr show BUNDLE stacks")};
}

}  // namespace fdr

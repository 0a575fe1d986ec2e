// Programs outside the targets: who fills the kernel's memory of names with names that do not exist, and who took the CPU.
// What they do is known thinly (sums of failed calls, clock ticks), so that a finding names them and says on whose behalf they ran.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "formats/figures/calls.hpp"
#include "formats/findings/bystander_load.hpp"
#include "formats/findings/families.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr int kNoEntry = 2;  // ENOENT on every architecture

// By how much the dentries of the host rose over the window, from where they were lowest before they were most.
double dentries_rose(const Evidence& ev) {
  double lowest = 0, most = 0;
  bool first = true;
  for (const auto& [time, value] : ev.points("host.dentries")) {
    if (first || value < lowest) lowest = value;
    first = false;
    most = std::max(most, value - lowest);
  }
  return most;
}

Finding lookups(const Evidence& ev) {
  const char* title = "lookups: a program asks for names that do not exist";
  const FailedSum* worst = nullptr;
  for (const FailedSum& sum : ev.view.timeline.failing)
    if (sum.error == kNoEntry && sum.distinct > 0 && (!worst || sum.distinct > worst->distinct)) worst = &sum;
  if (!worst) {
    const bool recorded = ev.view.manifest.rings.contains("bystanders");
    return recorded ? speaks_against("lookups", title, "no lookup failed") : not_measurable("lookups", title, "failed calls of the host were not recorded");
  }
  const std::string name = printable(worst->process), behalf = on_behalf_of(*worst);
  const std::string directory = worst->directory.empty() ? "." : printable(worst->directory);
  std::string text = fmt::format("{}{}: {} {} times ENOENT in {}, {} {} names", name, worst->of_target ? ", of a target" : ", outside the targets",
                                 syscall_name(worst->number, worst->abi), count_text(worst->calls), cut(directory, 160),
                                 worst->distinct * 10 >= worst->calls * 7 ? "nearly all distinct, about" : "about", count_text(worst->distinct));
  text += ", such as " + cut(printable(worst->example.substr(std::min(worst->directory.size(), worst->example.size()))), 60);
  if (!behalf.empty()) text += "; started by " + cut(behalf, 80);
  const double rose = dentries_rose(ev), names = static_cast<double>(worst->distinct);
  if (rose > 0) text += fmt::format("; the host's dentries rose by {}", count_text(static_cast<std::uint64_t>(rose)));
  const char* more = "fdr show BUNDLE failed";
  if (names < 1000) return speaks_against("lookups", title, text, more);
  const bool fills = rose > 50'000 && names >= 0.2 * rose && ev.alarmed;
  if (!fills) return not_measurable("lookups", title, text + (rose > 50'000 ? ": not what the dentries rose by" : ": the dentries did not rise by that"));
  return speaks_for("lookups", fmt::format("lookups: {} asks for {} names that do not exist", name, count_text(worst->distinct)), 0.94, text, more);
}

struct Busy {
  std::string name;
  double incident = 0, most = 0, quiet_most = 0, system = 0;
  bool seen_before = false;
};

// Percent of a CPU at each second of the incident; before it, at most.
Busy busy_of(const Evidence& ev, const BystanderLoad& load) {
  Busy busy{.name = load.name};
  double count = 0;
  for (const auto& [time, value] : metric_points(*load.total)) {
    if (value < 0 || value > 1e6) continue;
    // A point is of the second before it: the first of the incident is half of the quiet part's.
    if (ev.side(time) == Side::kQuiet) busy.quiet_most = std::max(busy.quiet_most, value), busy.seen_before = true;
    if (ev.side(time) != Side::kIncident) continue;
    busy.incident += value, ++count;
    busy.most = std::max(busy.most, value);
  }
  if (count > 0) busy.incident /= count;
  double system = 0;
  for (const auto& [time, value] : load.system ? metric_points(*load.system) : MetricPoints{})
    if (ev.side(time) == Side::kIncident && value >= 0 && value < 1e6) system += value;
  if (busy.incident > 0) busy.system = std::min(1.0, system / count / busy.incident);
  return busy;
}

// "neighbour 4711", "curl (312 processes)", and whose child it is.
std::string who_is(const Evidence& ev, const std::string& name) {
  std::map<std::int32_t, std::string> names;
  std::set<std::int32_t> pids, parents;
  const Process* one = nullptr;
  for (const Process& process : ev.view.timeline.processes) {
    names[process.pid] = printable(process.name);
    if (!process.target.empty() || process.name != name || (process.ended && *process.ended < ev.begin)) continue;
    pids.insert(process.pid);
    parents.insert(process.parent);
    one = &process;
  }
  if (pids.empty()) return name;
  std::string text = pids.size() == 1 ? fmt::format("{} {}", name, one->pid) : fmt::format("{} ({} processes)", name, pids.size());
  if (parents.size() == 1)
    if (const auto parent = names.find(*parents.begin()); parent != names.end()) text += fmt::format(", child of {} {}", parent->second, parent->first);
  if (pids.size() == 1 && one->started) text += fmt::format(", began {} from the onset", relative_text(to_seconds(*one->started - ev.begin)));
  return text;
}

Finding other_programs(const Evidence& ev) {
  const char* title = "other programs: somebody else took the CPU";
  std::vector<Busy> all;
  for (const BystanderLoad& load : bystander_loads(ev)) all.push_back(busy_of(ev, load));
  if (all.empty()) {
    if (!ev.view.manifest.rings.contains("bystanders")) return not_measurable("other-programs", title, "who else ran was not recorded");
    return speaks_against("other-programs", title, "no program outside the targets had 5 % of a CPU in any second");
  }
  std::stable_sort(all.begin(), all.end(), [](const Busy& a, const Busy& b) { return a.most - a.quiet_most > b.most - b.quiet_most; });
  const auto figures_of = [&](const Busy& busy) {
    std::string text = fmt::format("{}: {} of a CPU since the onset, at most {} in a second", who_is(ev, busy.name), percent(busy.incident), percent(busy.most));
    if (busy.system >= 0.5) text += fmt::format(", {} of it system time in the kernel", percent(100 * busy.system));
    return text + (busy.seen_before ? fmt::format("; before at most {}", percent(busy.quiet_most)) : "; before not among the busy");
  };
  const Busy& first = all.front();
  std::string text = figures_of(first);
  const bool much = first.most >= 40 && first.most > 2 * first.quiet_most + 10;
  if (!much) {
    if (first.most < 20) return speaks_against("other-programs", title, text);
    return not_measurable("other-programs", title, text);
  }
  if (!ev.alarmed || !ev.onset.known) return not_measurable("other-programs", title, text);
  for (std::size_t i = 1; i < all.size() && i < 3; ++i)
    if (all[i].most >= 40 && all[i].most > 2 * all[i].quiet_most + 10) text += "; " + figures_of(all[i]);
  const Change demand = ev.change("process.cpu.demand"), total = ev.change("process.cpu.total");
  const bool missed = demand.known && total.known && demand.incident - total.incident >= 25;
  return speaks_for("other-programs", fmt::format("other programs: {} took {} of a CPU", first.name, percent(first.most)), missed ? 0.7 : 0.45, text,
                    "fdr show BUNDLE metrics");
}

}  // namespace

Findings find_bystanders(const Evidence& ev) { return {lookups(ev), other_programs(ev)}; }

}  // namespace fdr

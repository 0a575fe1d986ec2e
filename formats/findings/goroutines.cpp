// Go programs from inside: goroutines that stay behind, where and on what; and which allocation site keeps memory, which is
// not the one that allocates most.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "formats/findings/families.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kMegabyte = 1048576;

const GoroutineRow* greatest_group(const GoReport& report) {
  const GoroutineRow* greatest = nullptr;
  for (const GoroutineRow& group : report.groups)
    if (!group.system && (!greatest || group.count > greatest->count)) greatest = &group;
  return greatest;
}

Finding goroutines(const Evidence& ev) {
  const char* title = "goroutines: more and more of them stay";
  const Change change = ev.change("process.goroutines");
  if (ev.go().empty() && !change.known) return not_measurable("goroutines", title, "no target is a Go program whose goroutines could be read");
  double before = change.compared ? change.quiet_last : 0, now = change.last;
  bool compared = change.compared;
  std::string where, name;
  const GoroutineRow* most = nullptr;
  for (const GoReport& report : ev.go()) {
    if (!change.known && report.goroutines_at_start) {
      before += static_cast<double>(*report.goroutines_at_start);
      now += static_cast<double>(report.goroutines);
      compared = true;
    }
    const GoroutineRow* group = greatest_group(report);
    if (group && (!most || group->count > most->count)) most = group;
  }
  std::string figures = compared ? fmt::format("{:.0f} before, {:.0f} at the end", before, now) : fmt::format("{:.0f}", now);
  if (compared && change.most > 2 * std::max(before, now) + 8) figures = fmt::format("{:.0f} before, {:.0f} at most, {:.0f} at the end: those that came ended again", before, change.most, now);
  if (most) {
    name = printable(most->function);
    where = fmt::format("; {} stand in {}{} ({})", most->count, name, most->place.empty() ? "" : " at " + printable(most->place), printable(most->wait));
    if (!most->created_by.empty()) where += ", created by " + printable(most->created_by);
  }
  if (!compared) return not_measurable("goroutines", title, figures + " goroutines at the firing; how many before is not known" + where);
  if (now - before >= 16 && now > 1.5 * before && ev.alarmed)
    return speaks_for("goroutines", fmt::format("goroutines pile up{}", name.empty() ? "" : " in " + cut(name, 60)), 0.88, figures + where, "fdr show BUNDLE goroutines");
  if (now <= 1.2 * before + 8) return speaks_against("goroutines", title, figures, "fdr show BUNDLE goroutines");
  return not_measurable("goroutines", title, figures + ": more, not clearly");
}

// The site that allocates most is the first suspect of everybody who looks at page faults or at an allocation profile.
Finding churn(const Evidence& ev) {
  const char* title = "churn: what allocates most keeps the memory";
  const HeapRow* most = nullptr;
  const HeapRow* keeper = nullptr;
  for (const GoReport& report : ev.go())
    for (const HeapRow& site : report.sites) {
      if (!site.grown || !site.allocated_since_start) continue;
      if (!most || *site.allocated_since_start > *most->allocated_since_start) most = &site;
      if (!keeper || *site.grown > *keeper->grown) keeper = &site;
    }
  if (!most) return not_measurable("churn", title, "no memory by allocation site with a start to compare with");
  const std::string figures = fmt::format("{} allocated {} since the start and holds {}{} more", printable(most->function), bytes_text(*most->allocated_since_start),
                                          *most->grown < 0 ? "-" : "", bytes_text(std::abs(*most->grown)));
  const bool keeps = *most->grown > 4 * kMegabyte && *most->grown > 0.3 * std::max(*keeper->grown, 0.0);
  if (!keeps) return speaks_against("churn", title, figures, "fdr show BUNDLE heap");
  return not_measurable("churn", title, figures);
}

}  // namespace

Findings find_goroutines(const Evidence& ev) { return {goroutines(ev), churn(ev)}; }

}  // namespace fdr

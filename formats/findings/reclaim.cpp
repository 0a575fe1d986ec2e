// Freeing memory before an allocation may go on: who stood still for it, for how long, and what was given back. Dentries
// and inodes, the part of the slab that look-ups of names fill, are judged beside it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/duration_sum.hpp"
#include "formats/findings/bystander_load.hpp"
#include "formats/findings/families.hpp"
#include "formats/findings/samples.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// What a reclaim gives back, by the kernel functions that do it.
struct GivesBack {
  std::string_view function, what;
};
constexpr std::array<GivesBack, 5> kGivesBack = {{{"shrink_dentry_list", "dentries"},
                                                  {"prune_dcache_sb", "dentries"},
                                                  {"prune_icache_sb", "inodes"},
                                                  {"shrink_lruvec", "pages"},
                                                  {"shrink_folio_list", "pages"}}};

struct Reclaims {
  std::uint64_t count = 0;
  Duration together{};
  const Stall* longest = nullptr;
  std::map<std::uint32_t, Duration> by_thread;
};

Reclaims reclaims_of(const Evidence& ev) {
  Reclaims found;
  for (const Stall& stall : ev.view.timeline.stalls) {
    if (stall.kind != StallKind::kReclaim && stall.kind != StallKind::kCompaction) continue;
    const Duration inside = ev.within_incident(stall.begin, stall.length);
    if (inside <= Duration{0}) continue;
    ++found.count;
    add_up(found.together, inside);
    add_up(found.by_thread[stall.thread], inside);
    if (!found.longest || stall.length > found.longest->length) found.longest = &stall;
  }
  return found;
}

std::string what_was_given_back(const Evidence& ev) {
  std::map<std::string_view, std::uint64_t> back;
  std::uint64_t all = 0;
  for (const StackSample& sample : ev.view.timeline.samples) {
    if (ev.side(sample.time) != Side::kIncident || !sample.in_kernel) continue;
    for (const FunctionId frame : ev.kernel_frames(sample.stack)) {
      const auto known = std::find_if(kGivesBack.begin(), kGivesBack.end(), [&](const GivesBack& g) { return ev.name(frame).starts_with(g.function); });
      if (known == kGivesBack.end()) continue;
      ++back[known->what], ++all;
      break;
    }
  }
  std::string text;
  for (const auto& [what, samples] : back)
    if (samples * 5 >= all) text += fmt::format("{}{} ({} of {} samples)", text.empty() ? "" : ", ", what, samples, all);
  return text;
}

Finding direct_reclaim(const Evidence& ev) {
  const char* title = "reclaim: memory had to be freed before allocations went on";
  const Reclaims found = reclaims_of(ev);
  const Change scanned = ev.change("host.vm.scan"), stalled = ev.change("host.vm.allocstall");
  std::string figures;
  if (stalled.known) figures = fmt::format("host: {} direct reclaims, {} pages scanned", per_second(stalled.incident), per_second(scanned.incident));
  if (!found.longest) {
    if (!stalled.known) return not_measurable("reclaim", title, "neither stalls nor /proc/vmstat in this bundle");
    // The host's counters leave out what a memory cgroup reclaims for itself; of that only stalls tell, and of their kinds only backend bpf.
    const std::string& backend = ev.view.manifest.backend;
    if (backend == "perf" || backend == "proc") return not_measurable("reclaim", title, figures + "; stalls in it are not recorded by backend " + backend);
    if (stalled.incident < 1) return speaks_against("reclaim", title, "0 stalls of the targets; " + figures);
    return not_measurable("reclaim", title, "0 stalls of the targets; " + figures);
  }
  const Stall& longest = *found.longest;
  std::string text = fmt::format("{} reclaim stall{}, {} together", found.count, found.count == 1 ? "" : "s", duration_text(found.together));
  const std::string place = ev.view.labels.place_of(longest.stack);
  text += fmt::format("; longest {}: {}{}", duration_text(longest.length), ev.view.labels.thread(longest.thread), place.empty() ? "" : " at " + cut(place, 50));
  std::vector<std::pair<std::uint32_t, Duration>> others(found.by_thread.begin(), found.by_thread.end());
  std::stable_sort(others.begin(), others.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string also;
  for (const auto& [thread, length] : others)
    if (thread != longest.thread && length * 4 >= longest.length && also.size() < 60) also += fmt::format("{}{}", also.empty() ? "" : ", ", ev.view.labels.thread(thread));
  if (!also.empty()) text += "; also " + also;
  const std::string back = what_was_given_back(ev);
  if (!back.empty()) text += "; gave back " + back;
  if (!figures.empty()) text += "; " + figures;
  const double share = to_seconds(found.together) / ev.incident_s;
  const bool much = longest.length >= std::chrono::milliseconds(100) || share >= 0.05;
  if (!much) return speaks_against("reclaim", title, text, "fdr show BUNDLE stalls");
  if (!ev.alarmed) return not_measurable("reclaim", title, text);
  std::string name = fmt::format("reclaim: {} stood still {} freeing memory", ev.view.labels.thread(longest.thread), duration_text(longest.length));
  return speaks_for("reclaim", name, 0.75 + std::min(0.2, to_seconds(longest.length) / 10), text, "fdr show BUNDLE stalls");
}

Finding dentries(const Evidence& ev) {
  const char* title = "dentries: the kernel's memory of names";
  const MetricPoints points = ev.points("host.dentries");
  if (points.size() < 10) return not_measurable("dentries", title, "host.dentries was not recorded");
  const auto [low, high] = std::minmax_element(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const double first = points.front().second, last = points.back().second;
  const double spread = high->second - low->second;
  const Change slab = ev.change("host.mem.slab");
  std::string who, text = fmt::format("{} at first, {} at most, {} at last", count_text(static_cast<std::uint64_t>(std::max(first, 0.0))), count_text(static_cast<std::uint64_t>(std::max(high->second, 0.0))),
                                 count_text(static_cast<std::uint64_t>(std::max(last, 0.0))));
  const bool rose = high->second > 1.25 * first && high->second - first > 100'000;
  const bool fell = last < 0.7 * high->second && high->second - last > 100'000;
  if (fell) {
    const auto lowest = std::min_element(high, points.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    who = in_kernel_between(ev, high->first, lowest->first);
    if (!who.empty()) text = "in the kernel while they fell: " + who + "; " + text;
  }
  const double seconds = to_seconds(high->first - points.front().first);
  if (high->second > first && seconds > 1) text += fmt::format("; rose {}", per_second((high->second - first) / seconds));
  if (slab.known) text += fmt::format("; slab {} to {}", bytes_text(slab.least), bytes_text(slab.most));
  std::string pressure = ev.text("system/facts/sys_vm_vfs_cache_pressure");
  pressure.erase(std::remove_if(pressure.begin(), pressure.end(), [](unsigned char c) { return c < '0' || c > '9'; }), pressure.end());
  if (!pressure.empty()) text += "; vm.vfs_cache_pressure " + pressure.substr(0, 8);
  if (!(rose || fell)) {
    if (spread < 0.1 * high->second || spread < 20'000) return speaks_against("dentries", title, text);
    return not_measurable("dentries", title, text + ": moved, not clearly");
  }
  if (!ev.alarmed) return not_measurable("dentries", title, text);
  return speaks_for("dentries", fmt::format("dentries: {}", rose && fell ? "rose, and were given back at once" : rose ? "pile up" : "given back at once"), 0.8, text, "fdr show BUNDLE metrics");
}

}  // namespace

Findings find_reclaim(const Evidence& ev) { return {direct_reclaim(ev), dentries(ev)}; }

}  // namespace fdr

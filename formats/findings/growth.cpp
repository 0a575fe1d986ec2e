// Memory that grows: how fast, of which kind, and whose code touches it. Where a garbage collector stands between the
// program and its memory, the code that touches new pages is not what keeps them, and is not named.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "formats/figures/held.hpp"
#include "formats/findings/families.hpp"
#include "formats/findings/samples.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kMegabyte = 1048576;
constexpr const char* kGrows = "memory: the targets grow";
constexpr const char* kMetrics = "fdr show BUNDLE metrics";

struct Slope {
  bool known = false;
  double first = 0, last = 0, per_second = 0;
  double gained() const { return last - first; }
};

// Of a gauge between two moments: least squares, and the values at its ends.
Slope slope_of(const MetricPoints& points, Timestamp from, Timestamp to) {
  Slope slope;
  double n = 0, st = 0, sv = 0, stt = 0, stv = 0;
  for (const auto& [time, value] : points) {
    if (time < from || time > to) continue;
    const double t = to_seconds(time - from);
    if (n == 0) slope.first = value;
    slope.last = value;
    n += 1, st += t, sv += value, stt += t * t, stv += t * value;
  }
  const double tt = stt - (n > 0 ? st * st / n : 0);
  slope.known = n >= 5 && tt > 0;
  if (slope.known) slope.per_second = (stv - st * sv / n) / tt;
  return slope;
}

// The greatest between two moments, and when; nothing where there is no value.
std::optional<std::pair<Timestamp, double>> peak_of(const MetricPoints& points, Timestamp from, Timestamp to) {
  std::optional<std::pair<Timestamp, double>> peak;
  for (const auto& point : points)
    if (point.first >= from && point.first <= to && (!peak || point.second > peak->second)) peak = point;
  return peak;
}

constexpr std::array<std::string_view, 5> kFaults = {"asm_exc_page_fault", "exc_page_fault", "handle_mm_fault", "do_anonymous_page", "clear_page_erms"};

// Who brought new memory in: by the bytes of growth samples that are still held, or where the bundle has none, by clock
// samples within page faults. `collected` where those lead through the allocator of a garbage collector.
struct Touched {
  bool by_bytes = false;
  std::uint64_t all = 0, collected = 0;  // bytes, or samples
  std::vector<std::pair<std::string, std::uint64_t>> by_place;

  std::string share(std::uint64_t part) const {
    return by_bytes ? fmt::format("{} of {} sampled", bytes_text(static_cast<double>(part)), bytes_text(static_cast<double>(all)))
                    : fmt::format("{} of {} samples in page faults", part, all);
  }
};

bool of_collector(const std::string& name) {
  return name.starts_with("runtime.") || name.starts_with("v8::internal") || name.starts_with("JVM_") || name.starts_with("gc_");
}

Touched touched(const Evidence& ev) {
  Touched result;
  std::map<std::string, std::uint64_t> places;
  const auto add = [&](StackId stack, std::uint64_t weight) {
    const auto& user = ev.user_frames(stack);
    // Without names it cannot be told whether a collector stands between.
    if (user.empty() || std::none_of(user.begin(), user.end(), [&](FunctionId id) { return is_named(ev.name(id)); })) return;
    result.all += weight;
    if (std::any_of(user.begin(), user.end(), [&](FunctionId id) { return of_collector(ev.name(id)); }))
      result.collected += weight;
    else
      places[innermost(ev, user, 5)] += weight;
  };
  for (const Growth& growth : ev.view.timeline.growth)
    if (ev.side(growth.time) == Side::kIncident && ev.view.wants_thread(growth.thread) && !growth.given_back) add(growth.stack, growth.bytes);
  result.by_bytes = result.all > 0;
  if (!result.by_bytes) {
    const SampleCounts counts = count_samples(ev, Side::kIncident);
    for (const auto& [stack, samples] : counts.by_stack) {
      const auto& kernel = ev.kernel_frames(stack);
      const bool fault = std::any_of(kernel.begin(), kernel.end(), [&](FunctionId id) {
        return std::any_of(kFaults.begin(), kFaults.end(), [&](std::string_view name) { return ev.name(id) == name; });
      });
      if (fault) add(stack, samples);
    }
  }
  result.by_place.assign(places.begin(), places.end());
  std::stable_sort(result.by_place.begin(), result.by_place.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return result;
}

// Of a Go program: the allocation site that holds most more than at the start. Nothing where that is not known.
const HeapRow* keeping_site(const Evidence& ev) {
  const HeapRow* keeper = nullptr;
  for (const GoReport& report : ev.go())
    for (const HeapRow& site : report.sites)
      if (site.grown && *site.grown > kMegabyte && (!keeper || *site.grown > *keeper->grown)) keeper = &site;
  return keeper;
}

// What grew before the window began stands on a level that only a baseline can tell from the usual one.
void add_level(const Evidence& ev, Findings& findings) {
  const Change held = ev.change("process.rss");
  if (!ev.by_baseline || !held.compared) return;
  const char* title = "memory level: the targets hold more than they did";
  const double more = held.incident - held.quiet;
  const std::string figures = fmt::format("resident {} in the baseline, {} now", bytes_text(std::max(held.quiet, 0.0)), bytes_text(std::max(held.incident, 0.0)));
  if (more > 32 * kMegabyte && held.incident > 1.5 * held.quiet)
    findings.push_back(speaks_for("memory-level", fmt::format("memory level: {} more than in the baseline", bytes_text(more)), 0.45 + std::min(0.2, held.incident / std::max(held.quiet, kMegabyte) / 20), figures,
                                  kMetrics));
  else if (more < 0.2 * held.quiet + 4 * kMegabyte) findings.push_back(speaks_against("memory-level", title, figures, kMetrics));
  else findings.push_back(not_measurable("memory-level", title, figures + ": more, not clearly"));
}

// Of the targets whose allocations were sampled: the place that allocated, since the onset, most of what is still held. Nothing where most
// of what became resident was not allocated so.
std::optional<HeldCount> holding_site(const Evidence& ev) {
  const HeldBlocks held = held_blocks(ev.text(kAllocationsFile), ev.view.timeline);
  if (!held_explains_growth(ev.view, held, ev.begin)) return std::nullopt;
  for (HeldCount& count : count_held(ev.view, held, ev.begin))
    if (static_cast<double>(count.bytes) > kMegabyte && !count.functions.empty()) return std::move(count);
  return std::nullopt;
}

std::string held_text(const Evidence& ev, const HeldCount& held) {
  return fmt::format("; held by {}: {} allocated since and not freed ({} sampled blocks, +-{:.0f} %)", innermost(ev, held.functions, 5), bytes_text(static_cast<double>(held.bytes)),
                     held.blocks, 100 * held.error);
}

std::string moved_bytes(const char* what, double from, double to) {
  return fmt::format("{} {} to {}", what, bytes_text(std::max(from, 0.0)), bytes_text(std::max(to, 0.0)));
}

// Memory that is not there any more at the end: of a program that ran meanwhile, or given back. `since`: the slope of `own` since the onset.
Finding came_and_went(const Evidence& ev, const MetricPoints& own, const Slope& since, std::string figures) {
  const auto peak = peak_of(own, ev.begin, ev.end), peak_before = peak_of(own, ev.quiet_from, ev.quiet_until);
  if (!peak || peak->second - since.first < std::max(32 * kMegabyte, 0.5 * since.first)) return speaks_against("memory-growth", kGrows, figures, kMetrics);
  figures += fmt::format("; {} at most, {:.1f} s after the onset", bytes_text(peak->second), to_seconds(peak->first - ev.begin));
  if (!ev.has_quiet || !peak_before) return not_measurable("memory-growth", kGrows, figures + ", given back since: no quiet part to compare with");
  figures += fmt::format(", {} at most before", bytes_text(peak_before->second));
  if (peak->second < 1.25 * peak_before->second) return speaks_against("memory-growth", kGrows, figures, kMetrics);
  return speaks_for("memory-growth", fmt::format("memory came and went: {}", bytes_text(peak->second - since.first)), 0.4, figures, kMetrics);
}

}  // namespace

Findings find_growth(const Evidence& ev) {
  const char* cache = "file cache: mapped files that could be given back";
  const MetricPoints rss = ev.compared_points("process.rss"), anon = ev.compared_points("process.anon"), swap = ev.compared_points("process.swap");
  if (rss.size() < 5) return {not_measurable("memory-growth", kGrows, "process.rss was not recorded"), not_measurable("file-cache", cache, "process.rss was not recorded")};

  Findings findings;
  add_level(ev, findings);
  // Anonymous memory that was swapped out is still the process's own.
  MetricPoints own = anon.size() == rss.size() ? anon : rss;
  if (swap.size() == own.size())
    for (std::size_t i = 0; i < own.size(); ++i) own[i].second += swap[i].second;
  const Slope since = slope_of(own, ev.begin, ev.end), before = slope_of(own, ev.quiet_from, ev.quiet_until);
  const Slope all = slope_of(rss, ev.begin, ev.end);
  std::string figures = moved_bytes("anonymous and swapped", since.first, since.last) + fmt::format(" in {:.1f} s ({:+.2f} MB/s)", ev.incident_s, since.per_second / kMegabyte);
  if (ev.has_quiet && before.known) figures += fmt::format("; before {:+.2f} MB/s", before.per_second / kMegabyte);
  const double least = std::max(8 * kMegabyte, 0.05 * since.first);
  const bool grows = since.known && since.gained() > least && since.per_second > 0;
  if (!since.known) {
    findings.push_back(not_measurable("memory-growth", kGrows, "too few values since the onset"));
  } else if (!grows) {
    findings.push_back(came_and_went(ev, own, since, figures));
  } else if (!ev.has_quiet || since.per_second < 2 * std::max(before.per_second, 0.0) + 0.2 * kMegabyte) {
    findings.push_back(not_measurable("memory-growth", kGrows, figures + (ev.has_quiet ? ": no faster than before" : ": no quiet part to compare with")));
  } else {
    const Touched who = touched(ev);
    bool place_known = false;
    std::string name = fmt::format("memory grows {:.1f} MB/s", since.per_second / kMegabyte);
    const HeapRow* keeper = keeping_site(ev);
    const std::optional<HeldCount> holder = holding_site(ev);
    if (holder && !(keeper && *keeper->grown > static_cast<double>(holder->bytes))) {
      figures += held_text(ev, *holder);
      place_known = true;
    } else if (keeper) {
      figures += fmt::format("; kept by {}{}: {} more in use", printable(keeper->function), keeper->place.empty() ? "" : " at " + printable(keeper->place), bytes_text(*keeper->grown));
      place_known = true;
    } else if (who.all >= (who.by_bytes ? 1'000'000u : 3u) && who.collected * 2 <= who.all && !who.by_place.empty()) {
      const auto& [place, weight] = who.by_place.front();
      figures += fmt::format("; new memory is touched by {} ({}){}", place, who.share(weight),
                             ev.has_text(kAllocationsFile) ? "" : "; who keeps it, if an allocator handed it on: heap = true");
      place_known = true;
    } else if (who.collected > 0) {
      figures += "; a garbage collector stands between: what touches new memory is not what keeps it";
    }
    const MetricPoints threads = ev.points("process.threads");
    const Slope more_threads = slope_of(threads, ev.begin, ev.end);
    if (more_threads.known && more_threads.gained() >= 1)
      figures += fmt::format("; threads {:.0f} to {:.0f}", more_threads.first, more_threads.last);
    findings.push_back(speaks_for("memory-growth", name, (place_known ? 0.7 : 0.55) + std::min(0.2, since.gained() / std::max(since.first, kMegabyte) / 10), figures, kMetrics));
  }

  // RSS beyond the anonymous part is mapped files and shared memory.
  if (anon.size() != rss.size()) {
    findings.push_back(not_measurable("file-cache", cache, "process.anon was not recorded"));
    return findings;
  }
  double most = 0;
  MetricPoints mapped;
  for (std::size_t i = 0; i < rss.size(); ++i) {
    mapped.emplace_back(rss[i].first, std::max(0.0, rss[i].second - anon[i].second));
    most = std::max(most, mapped.back().second);
  }
  const Slope files = slope_of(mapped, ev.begin, ev.end);
  const std::string text = fmt::format("{} mapped by the targets at most, {:+.2f} MB/s; anonymous {:+.2f} MB/s", bytes_text(most), files.per_second / kMegabyte,
                                       (all.per_second - files.per_second) / kMegabyte);
  if (files.known && ev.has_quiet && files.gained() > 32 * kMegabyte && files.gained() > 0.5 * all.gained())
    findings.push_back(speaks_for("file-cache", cache, 0.4, text, kMetrics));
  else if (files.known && files.gained() < std::max(4 * kMegabyte, 0.2 * std::max(all.gained(), 0.0)))
    findings.push_back(speaks_against("file-cache", cache, text, kMetrics));
  else
    findings.push_back(not_measurable("file-cache", cache, text));
  return findings;
}

}  // namespace fdr

// Garbage collection and allocation: how much of the CPU, and for whom. Known by the names that the runtimes and C
// libraries give their allocators and collectors.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "formats/findings/families.hpp"
#include "formats/findings/samples.hpp"
#include "formats/table.hpp"

namespace fdr {
namespace {

// Of collectors: the whole of what runs below them is theirs.
constexpr std::array<std::string_view, 12> kCollects = {
    "runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.bgsweep", "runtime.gcDrain", "v8::internal::Heap::CollectGarbage",
    "v8::internal::Heap::PerformGarbageCollection", "v8::internal::ScavengerCollector", "v8::internal::ConcurrentMarking", "G1ParTask",
    "GCTaskThread::run", "gc_collect_main", "rb_gc_start"};
// Of allocators: who called them is whom they work for.
constexpr std::array<std::string_view, 13> kAllocates = {
    "runtime.mallocgc", "runtime.newobject", "runtime.makeslice", "runtime.growslice", "_int_malloc", "_int_free", "__libc_malloc",
    "malloc", "free", "calloc", "realloc", "operator new", "v8::internal::Factory::"};

template <std::size_t N>
bool is_one(const std::string& name, const std::array<std::string_view, N>& names) {
  for (const std::string_view known : names) {
    if (!name.starts_with(known)) continue;
    if (known.size() == name.size() || known.ends_with("::") || name[known.size()] == '(' || name[known.size()] == '.' || name[known.size()] == ':' ||
        name[known.size()] == '_')
      return true;
  }
  return false;
}

bool of_runtime(const std::string& name) {
  return name.starts_with("runtime.") || name.starts_with("v8::") || name.starts_with("std::") || name.starts_with("__libc") ||
         name.starts_with("_start") || name == "main" || name == "main.main" || name.starts_with("start_thread") || name.starts_with("clone");
}

struct Use {
  std::uint64_t all = 0, collecting = 0, either = 0, unnamed = 0;
  std::map<std::string, std::uint64_t> callers;  // nearest to the allocator, with their own caller
};

Use use_of(const Evidence& ev, const SampleCounts& counts) {
  Use use;
  use.all = counts.all;
  for (const auto& [stack, samples] : counts.by_stack) {
    const auto& frames = ev.user_frames(stack);
    const bool named = std::any_of(frames.begin(), frames.end(), [&](FunctionId id) { return is_named(ev.name(id)); });
    if (!named && !frames.empty()) use.unnamed += samples;
    bool collects = false;
    std::size_t allocator = frames.size();  // the outermost of them
    for (std::size_t i = frames.size(); i-- > 0;) {
      collects = collects || is_one(ev.name(frames[i]), kCollects);
      if (is_one(ev.name(frames[i]), kAllocates)) allocator = i;
    }
    if (collects) use.collecting += samples;
    if (collects || allocator < frames.size()) use.either += samples;
    if (allocator == frames.size()) continue;
    // The nearest callers that are the program's own.
    std::string text;
    std::size_t told = 0;
    for (std::size_t i = allocator; i-- > 0 && told < 3;) {
      const std::string& name = ev.name(frames[i]);
      if (of_runtime(name)) continue;
      text += (text.empty() ? "" : " < ") + cut(name, 60);
      ++told;
    }
    if (!text.empty()) use.callers[text] += samples;
  }
  return use;
}

}  // namespace

Findings find_collector(const Evidence& ev) {
  const char* title = "collector: garbage collection and allocation";
  const SampleCounts counts = count_samples(ev, Side::kIncident);
  if (counts.all < 30 || !ev.sampled(Side::kIncident)) return {not_measurable("collector", title, fmt::format("only {} clock samples in {:.1f} s", counts.all, ev.sampled_seconds(Side::kIncident)))};
  const Use since = use_of(ev, counts), before = use_of(ev, count_samples(ev, Side::kQuiet));
  const double cpu = ev.of_cpu(since.either, Side::kIncident), cpu_before = ev.of_cpu(before.either, Side::kQuiet);
  const bool compared = ev.has_quiet && ev.sampled(Side::kQuiet);
  const double share = static_cast<double>(since.either) / static_cast<double>(since.all);
  std::string figures = fmt::format("{} of {} samples collect or allocate ({} collect): {} of a CPU", share_text(static_cast<double>(since.either), static_cast<double>(since.all)),
                                    since.all, share_text(static_cast<double>(since.collecting), static_cast<double>(since.all)), percent(cpu));
  if (compared) figures += fmt::format(", before {}", percent(cpu_before));
  // Before names are looked up (summary.txt), or where there are none, nothing is ruled out by them.
  if (since.unnamed * 4 > since.all) return {not_measurable("collector", title, "the program's functions have no names")};
  if (share < 0.1) return {speaks_against("collector", title, figures)};
  if (!compared) return {not_measurable("collector", title, figures + (ev.has_quiet ? "; too little of the quiet part was sampled" : "; no quiet part to compare with"))};
  if (share < 0.2 || cpu < 10 || cpu < 1.5 * cpu_before + 5) return {not_measurable("collector", title, figures + ": neither little nor clearly more than before")};
  std::vector<std::pair<std::string, std::uint64_t>> callers(since.callers.begin(), since.callers.end());
  std::stable_sort(callers.begin(), callers.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string for_whom;
  for (std::size_t i = 0; i < callers.size() && i < 3; ++i)
    for_whom += fmt::format("{}{} ({})", i ? "; " : "", callers[i].first, callers[i].second);
  if (!for_whom.empty()) figures += "; allocated for: " + for_whom;
  std::string name = "collector: garbage and allocation";
  if (!callers.empty()) name += " for " + callers[0].first.substr(0, callers[0].first.find(" < "));
  return {speaks_for("collector", name, 0.6 + std::min(0.3, share * 0.4), figures, "fdr show BUNDLE stacks")};
}

}  // namespace fdr

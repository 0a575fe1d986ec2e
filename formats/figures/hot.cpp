#include "formats/figures/hot.hpp"

#include <algorithm>
#include <map>

#include "formats/figures/covered.hpp"

namespace fdr {
namespace {

struct Sides {
  std::uint64_t before = 0, after = 0;
  std::uint64_t sum() const { return before + after; }
};

void count_functions(const std::vector<StackCount>& stacks, OnCpu& result) {
  std::map<FunctionId, FunctionCount> functions;
  std::map<FunctionId, std::uint64_t> heaviest;
  for (const StackCount& stack : stacks) {
    if (stack.functions.empty()) continue;
    std::vector<FunctionId> unique = stack.functions;
    std::sort(unique.begin(), unique.end());
    unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
    for (const FunctionId function : unique) functions[function].total += stack.samples;
    FunctionCount& leaf = functions[stack.functions.back()];
    leaf.self += stack.samples;
    leaf.before += stack.before;
    leaf.after += stack.after;
    if (stack.samples <= heaviest[stack.functions.back()]) continue;
    heaviest[stack.functions.back()] = stack.samples;
    leaf.heaviest = stack.functions;
  }
  for (auto& [id, count] : functions) {
    count.function = id;
    result.functions.push_back(std::move(count));
  }
  std::sort(result.functions.begin(), result.functions.end(), [](const FunctionCount& a, const FunctionCount& b) {
    return std::tie(b.self, b.total, a.function) < std::tie(a.self, a.total, b.function);
  });
}

}  // namespace

OnCpu count_on_cpu(const View& view) {
  OnCpu result;
  std::map<StackId, Sides> by_stack;
  std::map<std::uint32_t, std::uint64_t> by_thread, by_process;
  for (const StackSample& sample : view.timeline.samples) {
    if (!view.in_range(sample.time) || !view.passes_filter(sample.thread)) continue;
    const Thread* thread = thread_at(view.timeline, sample.thread);
    ++by_process[thread ? thread->process : kNoIndex];
    if (!view.wants_thread(sample.thread)) {
      ++result.bystanders;
      continue;
    }
    ++result.samples;
    ++by_thread[sample.thread];
    result.kernel += sample.in_kernel;
    result.complete += sample.end == WalkEnd::kRoot;
    const bool after = sample.time > view.fired();
    ++(after ? result.after : result.before);
    if (view.timeline.stacks.stack(sample.stack).empty()) {
      ++result.without_stack;
      continue;
    }
    Sides& sides = by_stack[sample.stack];
    ++(after ? sides.after : sides.before);
  }

  // Stacks that differ in addresses only are one stack to a reader.
  std::map<std::vector<FunctionId>, StackCount> merged;
  for (const auto& [stack, sides] : by_stack) {
    auto functions = view.labels.functions_of(stack);
    StackCount& count = merged[functions];
    if (count.samples == 0) count.functions = std::move(functions), count.example = stack;
    count.samples += sides.sum();
    count.before += sides.before;
    count.after += sides.after;
  }
  for (auto& [functions, count] : merged) result.stacks.push_back(std::move(count));
  std::stable_sort(result.stacks.begin(), result.stacks.end(),
                   [](const StackCount& a, const StackCount& b) { return a.samples > b.samples; });
  count_functions(result.stacks, result);

  for (const auto& [thread, samples] : by_thread) result.threads.push_back({thread, samples});
  std::stable_sort(result.threads.begin(), result.threads.end(),
                   [](const ThreadCount& a, const ThreadCount& b) { return a.samples > b.samples; });
  result.processes.assign(by_process.begin(), by_process.end());
  std::stable_sort(result.processes.begin(), result.processes.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  result.before_s = sampled_seconds(view, view.from(), std::min(view.fired(), view.to()));
  result.after_s = sampled_seconds(view, std::max(view.fired(), view.from()), view.to());
  return result;
}

}  // namespace fdr

#include "formats/figures/growth.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace fdr {

std::vector<GrowthCount> count_growth(const View& view) {
  using Key = std::tuple<std::uint32_t, GrowthKind, std::vector<FunctionId>>;
  std::map<Key, GrowthCount> counts;
  std::map<Key, std::map<std::string, std::uint64_t>> regions;
  for (const Growth& growth : view.timeline.growth) {
    if (!view.in_range(growth.time) || !view.wants_thread(growth.thread)) continue;
    const Thread* thread = thread_at(view.timeline, growth.thread);
    std::vector<FunctionId> functions = view.labels.functions_of(growth.stack, Labels::Part::kUser);
    if (functions.empty()) functions = view.labels.functions_of(growth.stack);
    const Key key{thread ? thread->process : kNoIndex, growth.kind, std::move(functions)};
    GrowthCount& count = counts[key];
    ++count.samples;
    // Weights are a stranger's numbers: sums stop at the top.
    std::uint64_t& sum = growth.given_back ? count.given_back : count.held;
    if (__builtin_add_overflow(sum, growth.bytes, &sum)) sum = UINT64_MAX;
    std::uint64_t& there = regions[key][growth.region];
    if (__builtin_add_overflow(there, growth.bytes, &there)) there = UINT64_MAX;
  }
  std::vector<GrowthCount> result;
  for (auto& [key, count] : counts) {
    std::tie(count.process, count.kind, count.functions) = key;
    const auto& of_count = regions[key];
    const auto most = std::max_element(of_count.begin(), of_count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    count.region = most->first;
    result.push_back(std::move(count));
  }
  std::stable_sort(result.begin(), result.end(), [](const GrowthCount& a, const GrowthCount& b) {
    return std::tie(a.held, a.given_back) > std::tie(b.held, b.given_back);
  });
  return result;
}

}  // namespace fdr

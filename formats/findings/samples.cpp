#include "formats/findings/samples.hpp"

#include <algorithm>

namespace fdr {

SampleCounts count_samples(const Evidence& evidence, Side side, std::uint32_t thread) {
  SampleCounts counts;
  for (const StackSample& sample : evidence.view.timeline.samples) {
    if (evidence.side(sample.time) != side || !evidence.view.wants_thread(sample.thread)) continue;
    if (thread != kNoIndex && sample.thread != thread) continue;
    ++counts.all;
    counts.kernel += sample.in_kernel;
    ++counts.by_thread[sample.thread];
    if (sample.stack != kNoStack) ++counts.by_stack[sample.stack];
  }
  return counts;
}

std::vector<FunctionId> common_path(const Evidence& evidence, const SampleCounts& counts, double share) {
  std::vector<std::pair<const std::vector<FunctionId>*, std::uint64_t>> stacks;
  std::uint64_t all = 0;
  for (const auto& [stack, samples] : counts.by_stack) {
    const auto& user = evidence.user_frames(stack);
    stacks.emplace_back(user.empty() ? &evidence.kernel_frames(stack) : &user, samples);
    all += samples;
  }
  std::vector<FunctionId> path;
  for (std::size_t depth = 0; !stacks.empty(); ++depth) {
    std::map<FunctionId, std::uint64_t> here;
    for (const auto& [frames, samples] : stacks)
      if (depth < frames->size()) here[(*frames)[depth]] += samples;
    const auto most = std::max_element(here.begin(), here.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == here.end() || static_cast<double>(most->second) < share * static_cast<double>(all)) break;
    const FunctionId function = most->first;
    path.push_back(function);
    std::erase_if(stacks, [&](const auto& s) { return depth >= s.first->size() || (*s.first)[depth] != function; });
  }
  return path;
}

std::vector<std::pair<FunctionId, std::uint64_t>> functions_by_total(const Evidence& evidence,
                                                                     const SampleCounts& counts, bool kernel) {
  std::map<FunctionId, std::uint64_t> totals;
  for (const auto& [stack, samples] : counts.by_stack) {
    std::vector<FunctionId> unique = kernel ? evidence.kernel_frames(stack) : evidence.user_frames(stack);
    std::sort(unique.begin(), unique.end());
    unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
    for (const FunctionId function : unique) totals[function] += samples;
  }
  std::vector<std::pair<FunctionId, std::uint64_t>> sorted(totals.begin(), totals.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

}  // namespace fdr

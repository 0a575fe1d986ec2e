#include "formats/export/folded.hpp"

#include <algorithm>
#include <map>

namespace fdr {
namespace {

std::string folded_name(std::string name) {
  std::replace(name.begin(), name.end(), ';', ':');
  return name;
}

}  // namespace

std::string export_folded(const ExportInput& in) {
  const View& view = in.view;
  std::map<std::pair<std::uint32_t, StackId>, std::uint64_t> counts;
  for (const StackSample& sample : view.timeline.samples) {
    if (!view.in_range(sample.time) || !view.wants_thread(sample.thread)) continue;
    const Thread* thread = thread_at(view.timeline, sample.thread);
    ++counts[{thread ? thread->process : kNoIndex, sample.stack}];
  }
  // Stacks that differ in addresses only are one line, as the readers of this format expect.
  std::map<std::string, std::uint64_t> lines;
  for (const auto& [key, count] : counts) {
    std::string line = folded_name(view.labels.process_name(key.first));
    if (line.empty()) line = "(not known)";
    for (const FunctionId function : view.labels.functions_of(key.second))
      line += ";" + folded_name(view.labels.function(function));
    lines[line] += count;
  }
  std::string out;
  for (const auto& [line, count] : lines) out += line + " " + std::to_string(count) + "\n";
  return out;
}

}  // namespace fdr

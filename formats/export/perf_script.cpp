#include "formats/export/perf_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "formats/findings/sampling.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// Where the functions of each module begin that the bundle knows: by offset.
class Beginnings {
 public:
  explicit Beginnings(std::vector<ModuleSlice> slices) : slices_(std::move(slices)) {
    for (ModuleSlice& slice : slices_)
      std::sort(slice.functions.begin(), slice.functions.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  }

  // Of the function that holds the frame's address, as an offset from its beginning.
  std::optional<std::uint64_t> distance(const Frame& frame) const {
    if (frame.module >= slices_.size()) return std::nullopt;
    const auto& functions = slices_[frame.module].functions;
    const auto behind = std::upper_bound(functions.begin(), functions.end(), frame.offset,
                                         [](std::uint64_t offset, const auto& function) { return offset < function.offset; });
    if (behind == functions.begin()) return std::nullopt;
    const auto& function = *std::prev(behind);
    const std::uint64_t distance = frame.offset - function.offset;
    return distance < function.size ? std::optional(distance) : std::nullopt;
  }

 private:
  std::vector<ModuleSlice> slices_;
};

std::string frame_text(const ExportInput& in, const Beginnings& beginnings, std::uint32_t index) {
  const StackTable& stacks = in.view.timeline.stacks;
  const Frame& frame = stacks.frames()[index];
  const Module& module = stacks.modules()[frame.module];
  const std::string file = module.kind == ModuleKind::kKernel ? "[kernel.kallsyms]" : printable(module.path);
  std::vector<std::string> functions;  // innermost first
  if (index < in.names.size())
    for (const SourceFrame& source : in.names[index])
      if (!source.function.empty()) functions.push_back(printable(source.function));
  const bool named = !functions.empty();
  if (!named) functions.push_back(printable(stacks.frame_label(index)));  // "module+0x1234": has its offset
  std::string text;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    const bool inlined = i + 1 < functions.size();
    text += fmt::format("\t{:16x} {}", frame.offset, functions[i]);
    if (const auto distance = named && !inlined ? beginnings.distance(frame) : std::nullopt) text += fmt::format("+0x{:x}", *distance);
    text += inlined ? " (inlined)\n" : fmt::format(" ({})\n", file);
  }
  return text;
}

}  // namespace

std::string export_perf_script(const ExportInput& in) {
  const Timeline& timeline = in.view.timeline;
  const Beginnings beginnings(slices_of(timeline.stacks, in.bundle.modules));
  const auto period = static_cast<std::uint64_t>(1e9 / sampling_frequency(in.view.manifest));
  std::vector<std::string> texts(timeline.stacks.stack_count());  // each made once
  std::string out;
  for (const StackSample& sample : timeline.samples) {
    if (!in.view.in_range(sample.time) || !in.view.wants_thread(sample.thread)) continue;
    const Thread* thread = thread_at(timeline, sample.thread);
    const std::int64_t ns = std::max<std::int64_t>(0, to_ns(sample.time));
    const std::string name = thread ? printable(thread->name) : "";
    out += fmt::format("{} {:5} [{:03}] {:5}.{:06}: {:10} cpu-clock: \n", name.empty() ? "(not known)" : name,
                       thread ? thread->tid : 0, sample.cpu, ns / 1'000'000'000, ns % 1'000'000'000 / 1000, period);
    if (sample.stack < texts.size()) {
      std::string& text = texts[sample.stack];
      if (text.empty()) {
        const auto frames = timeline.stacks.stack(sample.stack);
        for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) text += frame_text(in, beginnings, *frame);
      }
      out += text;
    }
    out += "\n";
  }
  return out;
}

}  // namespace fdr

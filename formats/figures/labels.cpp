#include "formats/figures/labels.hpp"

#include <fmt/format.h>
#include <string.h>
#include <sys/wait.h>


#include "formats/text.hpp"

namespace fdr {

const Thread* thread_at(const Timeline& timeline, std::uint32_t index) {
  return index < timeline.threads.size() ? &timeline.threads[index] : nullptr;
}

const Process* process_at(const Timeline& timeline, std::uint32_t index) {
  return index < timeline.processes.size() ? &timeline.processes[index] : nullptr;
}

Labels::Labels(const Timeline& timeline, const FrameNames& names) : timeline_(timeline), names_(names) {
  std::map<std::string, FunctionId> ids;
  const auto intern = [&](std::string name) {
    const auto [entry, fresh] = ids.try_emplace(std::move(name), static_cast<FunctionId>(functions_.size()));
    if (fresh) functions_.push_back(entry->first);
    return entry->second;
  };
  const std::size_t count = timeline.stacks.frames().size();
  frames_.resize(count);
  for (std::uint32_t frame = 0; frame < count; ++frame) {
    if (frame < names.size())
      for (auto source = names[frame].rbegin(); source != names[frame].rend(); ++source)
        if (!source->function.empty()) frames_[frame].push_back(intern(printable(source->function)));
    if (frames_[frame].empty()) frames_[frame].push_back(intern(printable(timeline.stacks.frame_label(frame))));
  }
}

std::vector<FunctionId> Labels::functions_of(StackId stack) const {
  std::vector<FunctionId> functions;
  for (const std::uint32_t frame : timeline_.stacks.stack(stack))
    if (frame < frames_.size()) functions.insert(functions.end(), frames_[frame].begin(), frames_[frame].end());
  return functions;
}

std::vector<FunctionId> Labels::functions_of(StackId stack, Part part) const {
  std::vector<FunctionId> functions;
  for (const std::uint32_t frame : timeline_.stacks.stack(stack)) {
    if (frame >= frames_.size()) continue;
    const bool kernel =
        timeline_.stacks.modules()[timeline_.stacks.frames()[frame].module].kind == ModuleKind::kKernel;
    if (kernel == (part == Part::kKernel))
      functions.insert(functions.end(), frames_[frame].begin(), frames_[frame].end());
  }
  return functions;
}

std::vector<std::string> Labels::lines_of(StackId stack) const {
  std::vector<std::string> lines;
  for (const std::uint32_t frame : timeline_.stacks.stack(stack)) {
    if (frame >= frames_.size()) continue;
    if (frame >= names_.size() || names_[frame].empty()) {
      lines.push_back(functions_[frames_[frame].front()]);
      continue;
    }
    for (auto source = names_[frame].rbegin(); source != names_[frame].rend(); ++source) {
      if (source->function.empty()) continue;
      std::string line = printable(source->function);
      if (source != names_[frame].rbegin()) line += " (inlined)";
      if (!source->file.empty()) {
        line += "  " + printable(source->file.substr(source->file.rfind('/') + 1));
        if (source->line > 0) line += fmt::format(":{}", source->line);
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

std::string Labels::place_of(StackId stack) const {
  const auto frames = timeline_.stacks.stack(stack);
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    if (*frame >= frames_.size()) continue;
    const Frame& f = timeline_.stacks.frames()[*frame];
    if (timeline_.stacks.modules()[f.module].kind != ModuleKind::kKernel) return functions_[frames_[*frame].back()];
  }
  return frames.empty() || frames.back() >= frames_.size() ? "" : functions_[frames_[frames.back()].back()];
}

std::string Labels::thread(std::uint32_t index) const {
  const Thread* thread = thread_at(timeline_, index);
  return thread ? fmt::format("{} {}", printable(thread->name), thread->tid) : "";
}

std::string Labels::process(std::uint32_t index) const {
  const Process* process = process_at(timeline_, index);
  return process ? fmt::format("{} {}", printable(process->name), process->pid) : "";
}

std::string Labels::process_of_thread(std::uint32_t index) const {
  const Thread* thread = thread_at(timeline_, index);
  return thread ? process(thread->process) : "";
}

std::string Labels::process_name(std::uint32_t index) const {
  const Process* process = process_at(timeline_, index);
  return process ? printable(process->name) : "";
}

std::string exit_text(int status) {
  if (status == INT32_MIN) return "ended";  // nobody told how (wire.h: FDR_EXIT_UNKNOWN)
  if (WIFEXITED(status)) return fmt::format("exit {}", WEXITSTATUS(status));
  const char* name = sigabbrev_np(WTERMSIG(status));
  const std::string signal = name ? fmt::format("SIG{}", name) : fmt::format("signal {}", WTERMSIG(status));
  return "killed by " + signal + (WCOREDUMP(status) ? " (core dumped)" : "");
}

}  // namespace fdr

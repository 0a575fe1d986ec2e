#include "formats/figures/module_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace fdr {
namespace {

constexpr std::size_t kNotes = 10;

// Runtimes that tell the names of what they compile only when asked to.
struct Runtime {
  std::string_view program;  // its file's name begins so
  const char* remedy;
};
constexpr Runtime kRuntimes[] = {
    {"node", "start node with --perf-basic-prof (or NODE_OPTIONS=--perf-basic-prof) to see JavaScript's functions"},
    {"java", "run jcmd PID Compiler.perfmap (JDK 17 or later) before the dump to see Java's methods"},
    {"dotnet", "start it with DOTNET_PerfMapEnabled=1 to see the methods"},
    {"python", "start python (3.12 or later) with -X perf to see Python's functions"},
    {"ruby", "start ruby with --yjit-perf to see Ruby's methods"},
};

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

const Process* process_of_pid(const Timeline& timeline, std::int32_t pid) {
  for (const Process& process : timeline.processes)
    if (process.pid == pid) return &process;
  return nullptr;
}

const char* remedy_of(const Process& process) {
  const char* remedy = runtime_remedy(file_name(process.executable));
  return remedy ? remedy : runtime_remedy(process.name);
}

std::string shown(const Timeline& timeline, const Module& module) {
  const auto pid = process_of(module);
  const Process* process = pid ? process_of_pid(timeline, *pid) : nullptr;
  return process ? fmt::format("{} of {}", module.path, process->name) : module.path;
}

}  // namespace

const char* runtime_remedy(std::string_view program) {
  for (const Runtime& runtime : kRuntimes)
    if (program.starts_with(runtime.program)) return runtime.remedy;
  return nullptr;
}

std::string naming_help(const Timeline& timeline, const ModuleNaming& naming) {
  if (naming.module >= timeline.stacks.modules().size()) return naming.problem;
  const Module& module = timeline.stacks.modules()[naming.module];
  const auto pid = process_of(module);
  const Process* process = pid ? process_of_pid(timeline, *pid) : nullptr;
  // Some names are there: it was started so, and what is left is other code.
  const char* remedy = process && naming.named == 0 && naming.frames > 0 ? remedy_of(*process) : nullptr;
  return remedy ? fmt::format("code that was compiled at run time: {}", remedy) : naming.problem;
}

std::vector<std::string> module_notes(const Timeline& timeline, const std::vector<ModuleNaming>& naming) {
  const auto& modules = timeline.stacks.modules();
  std::vector<ModuleNaming> poor;
  std::string whole;
  for (const ModuleNaming& one : naming) {
    if (one.module >= modules.size() || one.frames == 0) continue;
    if (one.named < one.frames) poor.push_back(one);
    else whole += fmt::format("{}{} ({})", whole.empty() ? "" : ", ", file_name(modules[one.module].path), one.source);
  }
  std::stable_sort(poor.begin(), poor.end(), [](const ModuleNaming& a, const ModuleNaming& b) {
    return a.frames - a.named > b.frames - b.named;
  });
  std::vector<std::string> notes;
  for (const ModuleNaming& one : poor) {
    if (notes.size() == kNotes) {
      notes.push_back(fmt::format("{} more modules, each with fewer: fdr show BUNDLE modules", poor.size() - kNotes));
      break;
    }
    const Module& module = modules[one.module];
    std::string note = fmt::format("{}: {} of {} addresses have no name", shown(timeline, module), one.frames - one.named, one.frames);
    if (!one.source.empty()) note += ", the others from " + one.source;
    if (const std::string help = naming_help(timeline, one); !help.empty()) note += ": " + help;
    if (!module.build_id.empty()) note += " (build-id " + module.build_id + ")";
    notes.push_back(std::move(note));
  }
  if (!whole.empty()) notes.push_back("named whole: " + whole);
  return notes;
}

}  // namespace fdr

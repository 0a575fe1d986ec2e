#include "recorder/decode/module_sources.hpp"

#include <unistd.h>

#include "recorder/system/silent_files.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "unwind/live/process_root.hpp"
#include "unwind/own_vdso.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostFound = 256;  // files that are reached through the root of their process, held open

// What was held is the file that ran, whatever became of its path. The others are best read through their process while it lives: deleted,
// replaced, or in another mount namespace, they are still there.
void add_files(ModuleFiles& files, const MomentCopy& moment, std::vector<FileDescriptor>& found) {
  std::set<Module> done;
  for (const auto& [module, file] : moment.files.files()) files.add_source(module, HeldFiles::path(file));
  for (const auto& [key, tracked] : moment.processes.processes()) {
    if (tracked.process.ended || moment.gone.contains(tracked.process.pid)) continue;
    for (const auto& space : tracked.spaces) {
      for (const Mapping& mapping : space.space->mappings()) {
        if (mapping.module.kind != ModuleKind::kFile || !done.insert(mapping.module).second) continue;
        const std::string mapped = mapped_file(tracked.process.pid, mapping);
        if (!answers_on(mapping.device, mapped)) {
          files.withhold(mapping.module, kSilent);
          continue;
        }
        files.add_source(mapping.module, mapped);
        if (::access(mapped.c_str(), F_OK) == 0 || found.size() == kMostFound) continue;
        FileDescriptor in_root = find_in_root(tracked.process.pid, mapping.module.path);
        if (!in_root.valid()) continue;
        files.add_source(mapping.module, path_of(in_root));
        found.push_back(std::move(in_root));
      }
    }
  }
}

void add_vdso(ModuleFiles& files, const ProcessTable& table) {
  std::set<Module> done;
  for (const auto& [key, tracked] : table.processes())
    for (const auto& space : tracked.spaces)
      for (const Mapping& mapping : space.space->mappings())
        if (mapping.module.kind == ModuleKind::kVdso && done.insert(mapping.module).second)
          if (auto image = own_vdso()) files.add_image(mapping.module, std::move(image));
}

}  // namespace

ModuleSearch while_recording() {
  return {.debug_dirs = {}, .sysroot = {}, .answers = answers};
}

void add_module_sources(ModuleFiles& files, const MomentCopy& moment, std::vector<FileDescriptor>& found) {
  add_files(files, moment, found);
  add_vdso(files, moment.processes);
}

// A pid that was used again names the one that lives.
std::set<std::int32_t> ended_processes(const MomentCopy& moment) {
  const ProcessTable& table = moment.processes;
  std::set<std::int32_t> pids = moment.gone;
  for (const auto& [key, tracked] : table.processes())
    if (tracked.process.ended && !table.known(tracked.process.pid)) pids.insert(tracked.process.pid);
  return pids;
}

}  // namespace fdr

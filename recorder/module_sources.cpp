#include "recorder/module_sources.hpp"

#include <fmt/format.h>

#include "recorder/own_vdso.hpp"

namespace fdr {
namespace {

// What was held is the file that ran, whatever became of its path. The others are best read through their process while it lives: deleted,
// replaced, or in another mount namespace, they are still there.
void add_files(ModuleFiles& files, const MomentCopy& moment) {
  std::set<Module> done;
  for (const auto& [module, file] : moment.files.files()) files.add_source(module, HeldFiles::path(file));
  for (const auto& [key, tracked] : moment.processes.processes()) {
    if (tracked.process.ended || moment.gone.contains(tracked.process.pid)) continue;
    for (const auto& space : tracked.spaces) {
      for (const Mapping& mapping : space.space->mappings()) {
        if (mapping.module.kind != ModuleKind::kFile || !done.insert(mapping.module).second) continue;
        files.add_source(mapping.module, fmt::format("/proc/{}/map_files/{:x}-{:x}", tracked.process.pid, mapping.start, mapping.end));
        files.add_source(mapping.module, fmt::format("/proc/{}/root{}", tracked.process.pid, mapping.module.path));
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

void add_module_sources(ModuleFiles& files, const MomentCopy& moment) {
  add_files(files, moment);
  add_vdso(files, moment.processes);
}

// A pid that was used again names the one that lives.
std::set<std::int32_t> ended_processes(const ProcessTable& table) {
  std::set<std::int32_t> pids;
  for (const auto& [key, tracked] : table.processes())
    if (tracked.process.ended && !table.known(tracked.process.pid)) pids.insert(tracked.process.pid);
  return pids;
}

}  // namespace fdr

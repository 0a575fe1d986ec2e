// Finds and maps the ELF file behind a Module: the file must carry the build-id that was recorded, where one is known.
//
// Order: the sources given by the recorder (/proc/PID/map_files, while the process lives; held descriptors), then
// --sysroot, then the path itself, then a copy kept by build-id in --debug-dir or /usr/lib/debug
// (DIR/.build-id/ab/cdef). Opened once per module and kept. A file that is missing or does not match is a value with a
// reason. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/stacks.hpp"
#include "unwind/elf_image.hpp"

namespace fdr {

struct ModuleSearch {
  std::vector<std::string> debug_dirs;  // --debug-dir
  std::string sysroot;                  // --sysroot
  // Whether a path may be touched, or would be waited for. Unset: all may.
  std::function<bool(const std::string& path)> answers = {};
};

class ModuleFiles {
 public:
  explicit ModuleFiles(ModuleSearch search = {});
  ~ModuleFiles();
  ModuleFiles(const ModuleFiles&) = delete;
  ModuleFiles& operator=(const ModuleFiles&) = delete;

  // While recording: where else this module's file may be read ("/proc/12/map_files/...", "/proc/self/fd/7").
  // Tried first. A module that was not found before is tried again.
  void add_source(const Module& module, std::string path);
  void add_image(const Module& module, std::unique_ptr<ElfImage> image);  // the vDSO
  // Not to be looked for, and why, until another source is added.
  void withhold(const Module& module, std::string reason);
  // nullptr where it cannot be had; reason() says why. The image lives as long as the ModuleFiles.
  const ElfImage* find(const Module& module);
  std::string reason(const Module& module) const;

 private:
  struct Entry {
    std::vector<std::string> sources;
    std::unique_ptr<ElfImage> image;
    bool tried = false;
    std::string reason;
  };
  std::vector<std::string> candidates(const Module& module, const Entry& entry) const;

  ModuleSearch search_;
  std::map<Module, Entry> entries_;
};

}  // namespace fdr

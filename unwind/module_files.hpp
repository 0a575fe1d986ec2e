// Finds and maps the ELF file behind a Module: the file must carry the build-id that was recorded, where one is known.
//
// Order: /proc/PID/map_files and /proc/PID/root (recording side, while the process lives), then the path itself, then --debug-dir,
// --sysroot and /usr/lib/debug/.build-id. Files are mapped read-only and treated as hostile: every offset is checked. Opened once per
// module and kept. A file that is missing or does not match is a value with a reason. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/stacks.hpp"

namespace fdr {

// A read-only mapping of a whole ELF file (or a copy of the vDSO's pages) with its program headers, checked.
class ElfImage {
 public:
  struct Segment { std::uint64_t vaddr = 0, offset = 0, file_size = 0, memory_size = 0; bool executable = false; };

  static std::unique_ptr<ElfImage> open(const std::string& path, std::string* problem);
  static std::unique_ptr<ElfImage> from_memory(std::vector<std::uint8_t> bytes, std::string* problem);
  ~ElfImage();

  std::span<const std::uint8_t> bytes() const;
  const std::string& path() const;
  std::string build_id() const;  // lower-case hex, empty where there is none
  const std::vector<Segment>& segments() const;  // PT_LOAD
  std::optional<std::uint64_t> vaddr_of_offset(std::uint64_t offset) const;
  std::optional<std::uint64_t> offset_of_vaddr(std::uint64_t vaddr) const;
  std::optional<Segment> eh_frame_header() const;  // PT_GNU_EH_FRAME

 private:
  ElfImage() = default;
  struct State;
  std::unique_ptr<State> state_;
};

struct ModuleSearch {
  std::vector<std::string> debug_dirs;  // --debug-dir
  std::string sysroot;                  // --sysroot
};

class ModuleFiles {
 public:
  explicit ModuleFiles(ModuleSearch search = {});
  ~ModuleFiles();

  // While recording: where else this module's file may be read ("/proc/12/map_files/...", "/proc/12/root/usr/bin/x"). Tried first.
  void add_source(const Module& module, std::string path);
  void add_image(const Module& module, std::unique_ptr<ElfImage> image);  // the vDSO
  // nullptr where it cannot be had; reason() says why.
  const ElfImage* find(const Module& module);
  std::string reason(const Module& module) const;

 private:
  struct Entry { std::vector<std::string> sources; std::unique_ptr<ElfImage> image; bool tried = false; std::string reason; };
  ModuleSearch search_;
  std::map<Module, Entry> entries_;
};

}  // namespace fdr

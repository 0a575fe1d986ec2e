// Keeps the files that targets run within reach, while that is cheap: a program that was unlinked or replaced, or was seen
// through a mount namespace that is gone, can still be read at the dump when its process has ended.
//
// One descriptor a file (O_PATH: the file is named, not opened), of the kMost first; those that nobody of the process table used are let go
// by keep_only(). A held file occupies its disk, and its file system cannot be unmounted, as long as a process that ended within the
// window would do. A copy shares the descriptors: a dump reads what was held when it began. Session thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "formats/file_descriptor.hpp"
#include "formats/stacks.hpp"

namespace fdr {

class HeldFiles {
 public:
  static constexpr std::size_t kMost = 256;
  using File = std::shared_ptr<const FileDescriptor>;

  // What is at `path`, else what the process `pid` sees at the module's own path. Null where neither is, or there is no room.
  File hold(const Module& module, const std::string& path, std::int32_t pid);
  void keep_only(const std::set<Module>& used);
  const std::map<Module, File>& files() const { return files_; }

  static std::string path(const File& file);  // where the file can be read as long as it is held

 private:
  std::map<Module, File> files_;
};

}  // namespace fdr

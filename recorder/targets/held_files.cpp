#include "recorder/targets/held_files.hpp"

#include <fcntl.h>

#include "unwind/live/process_root.hpp"

namespace fdr {

HeldFiles::File HeldFiles::hold(const Module& module, const std::string& path, std::int32_t pid) {
  if (const auto known = files_.find(module); known != files_.end()) return known->second;
  if (files_.size() >= kMost) return nullptr;
  FileDescriptor descriptor(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!descriptor.valid()) descriptor = find_in_root(pid, module.path);
  if (!descriptor.valid()) return nullptr;
  return files_[module] = std::make_shared<const FileDescriptor>(std::move(descriptor));
}

void HeldFiles::keep_only(const std::set<Module>& used) {
  std::erase_if(files_, [&](const auto& entry) { return !used.contains(entry.first); });
}

std::string HeldFiles::path(const File& file) { return path_of(*file); }

}  // namespace fdr

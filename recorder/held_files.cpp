#include "recorder/held_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>

namespace fdr {

HeldFiles::File HeldFiles::hold(const Module& module, const std::vector<std::string>& paths) {
  if (const auto known = files_.find(module); known != files_.end()) return known->second;
  if (files_.size() >= kMost) return nullptr;
  for (const std::string& path : paths) {
    FileDescriptor descriptor(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (descriptor.valid()) return files_[module] = std::make_shared<const FileDescriptor>(std::move(descriptor));
  }
  return nullptr;
}

void HeldFiles::keep_only(const std::set<Module>& used) {
  std::erase_if(files_, [&](const auto& entry) { return !used.contains(entry.first); });
}

std::string HeldFiles::path(const File& file) { return fmt::format("/proc/self/fd/{}", file->get()); }

}  // namespace fdr

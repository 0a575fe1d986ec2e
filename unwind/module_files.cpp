#include "unwind/module_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fdr {

namespace {

// The build-id comes from a recording: it becomes part of a path only if it is what it should be.
bool is_plain_hex(const std::string& text) {
  return text.size() > 2 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

ModuleFiles::ModuleFiles(ModuleSearch search) : search_(std::move(search)) {}
ModuleFiles::~ModuleFiles() = default;

void ModuleFiles::add_source(const Module& module, std::string path) {
  Entry& entry = entries_[module];
  if (entry.image || std::find(entry.sources.begin(), entry.sources.end(), path) != entry.sources.end()) return;
  entry.sources.push_back(std::move(path));
  entry.tried = false;
}

void ModuleFiles::add_image(const Module& module, std::unique_ptr<ElfImage> image) {
  Entry& entry = entries_[module];
  // The first image stays: find() has promised that it lives as long as we do.
  if (entry.image || !image) return;
  if (!module.build_id.empty() && image->build_id() != module.build_id) {
    entry.reason = fmt::format("the image has another build-id ({})", image->build_id());
    return;
  }
  entry.image = std::move(image);
  entry.reason.clear();
}

void ModuleFiles::withhold(const Module& module, std::string reason) {
  Entry& entry = entries_[module];
  if (entry.image) return;
  entry.tried = true;
  entry.reason = std::move(reason);
}

std::vector<std::string> ModuleFiles::candidates(const Module& module, const Entry& entry) const {
  std::vector<std::string> paths = entry.sources;
  if (module.kind != ModuleKind::kFile) return paths;
  if (module.path.starts_with('/')) {
    if (!search_.sysroot.empty()) paths.push_back(search_.sysroot + module.path);
    paths.push_back(module.path);
  }
  if (is_plain_hex(module.build_id)) {
    const std::string by_id = "/.build-id/" + module.build_id.substr(0, 2) + "/" + module.build_id.substr(2);
    for (const std::string& directory : search_.debug_dirs) paths.push_back(directory + by_id);
    if (!search_.sysroot.empty()) paths.push_back(search_.sysroot + "/usr/lib/debug" + by_id);
    paths.push_back("/usr/lib/debug" + by_id);
  }
  return paths;
}

const ElfImage* ModuleFiles::find(const Module& module) {
  Entry& entry = entries_[module];
  if (entry.image || entry.tried) return entry.image.get();
  entry.tried = true;
  entry.reason.clear();
  if (module.kind == ModuleKind::kAnonymous || module.kind == ModuleKind::kKernel) {
    entry.reason = "not a file";
    return nullptr;
  }

  std::string mismatch, problem = "no such file";
  for (const std::string& path : candidates(module, entry)) {
    if (search_.answers && !search_.answers(path)) {
      problem = fmt::format("{}: its file system does not answer", path);
      continue;
    }
    std::string why;
    auto image = ElfImage::open(path, &why);
    if (image && (module.build_id.empty() || image->build_id() == module.build_id)) {
      entry.image = std::move(image);
      return entry.image.get();
    }
    if (image && mismatch.empty())
      mismatch = fmt::format("{} has another build-id ({}, recorded {})", path,
                             image->build_id().empty() ? "none" : image->build_id(), module.build_id);
    if (!image && path == module.path) problem = fmt::format("{}: {}", path, why);
  }
  // A file that is there but is another one tells most: it was upgraded since.
  entry.reason = mismatch.empty() ? problem : mismatch;
  return nullptr;
}

std::string ModuleFiles::reason(const Module& module) const {
  const auto entry = entries_.find(module);
  return entry == entries_.end() || entry->second.image ? std::string() : entry->second.reason;
}

}  // namespace fdr

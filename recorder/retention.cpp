#include "recorder/retention.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

namespace fdr {
namespace {

namespace fs = std::filesystem;

struct Kept {
  fs::path path;
  fs::file_time_type written;
  std::uint64_t bytes = 0;
};

bool is_bundle(const fs::path& path) {
  std::error_code error;
  return path.extension() == ".fdr" && fs::is_directory(fs::symlink_status(path, error)) &&
         fs::is_regular_file(fs::symlink_status(path / "manifest.json", error));
}

std::uint64_t size_of(const fs::path& path) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
    if (entry->is_regular_file(error) && !entry->is_symlink(error)) bytes += entry->file_size(error);
  return bytes;
}

}  // namespace

bool remove_bundle(const std::string& path) {
  if (!is_bundle(path)) return false;
  std::error_code error;
  fs::remove_all(path, error);  // does not follow links
  return !error;
}

void keep_newest(const std::string& directory, unsigned keep, std::uint64_t max_bytes) {
  std::vector<Kept> bundles;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    if (std::error_code ignored; is_bundle(entry->path()))
      bundles.push_back({entry->path(), entry->last_write_time(ignored), size_of(entry->path())});
  std::sort(bundles.begin(), bundles.end(), [](const Kept& a, const Kept& b) { return a.written > b.written; });
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bundles.size(); ++i) {
    sum += bundles[i].bytes;
    if (i > 0 && (i >= keep || sum > max_bytes)) remove_bundle(bundles[i].path);
  }
}

}  // namespace fdr

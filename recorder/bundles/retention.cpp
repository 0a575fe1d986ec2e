#include "recorder/bundles/retention.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/manifest.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

namespace fs = std::filesystem;

struct Kept {
  fs::path path;
  fs::file_time_type written;
  std::uint64_t bytes = 0;
  std::string episode;  // empty of none
  bool first = false;   // of its episode
  fs::file_time_type newest_of_episode{};
};

constexpr std::size_t kMaxManifest = 4 << 20;
constexpr int kMostDepth = 16;  // a bundle has four
constexpr std::uint64_t kBlockBytes = 4096;

std::optional<Manifest> manifest_of(const fs::path& bundle) {
  const auto text = read_small_file(bundle / "manifest.json", kMaxManifest);
  if (!text) return std::nullopt;
  try {
    return manifest_from_json(*text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Whose manifest cannot be read is of no episode: it goes by its age.
void read_episode(Kept& bundle) {
  const auto manifest = manifest_of(bundle.path);
  if (!manifest) return;
  bundle.episode = manifest->episode.id;
  bundle.first = manifest->episode.stage != "end";
}

// Newest first; an episode has the age of its newest bundle, and its first one goes last of them.
void order(std::vector<Kept>& bundles) {
  std::map<std::string, fs::file_time_type> newest;
  for (const Kept& bundle : bundles) {
    auto& time = newest.try_emplace(bundle.episode, bundle.written).first->second;
    time = std::max(time, bundle.written);
  }
  for (Kept& bundle : bundles) bundle.newest_of_episode = bundle.episode.empty() ? bundle.written : newest[bundle.episode];
  std::sort(bundles.begin(), bundles.end(), [](const Kept& a, const Kept& b) {
    return std::tie(a.newest_of_episode, a.episode, a.first, a.written) > std::tie(b.newest_of_episode, b.episode, b.first, b.written);
  });
}

void date_after_others(std::vector<Kept>& bundles, const fs::path& latest) {
  const auto one = std::find_if(bundles.begin(), bundles.end(), [&](const Kept& bundle) { return bundle.path == latest; });
  if (one == bundles.end()) return;
  for (const Kept& other : bundles)
    if (&other != &*one && other.written >= one->written) one->written = other.written + std::chrono::nanoseconds(1);
  std::error_code ignored;
  fs::last_write_time(one->path, one->written, ignored);
}

bool is_bundle(const fs::path& path) {
  std::error_code error;
  return path.extension() == ".fdr" && fs::is_directory(fs::symlink_status(path, error)) &&
         fs::is_regular_file(fs::symlink_status(path / "manifest.json", error));
}

// By readdir: an iterator of the library ends the process where memory ends within it, and this is asked beside a recording.
std::vector<std::string> names_in(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(directory.c_str()), [](DIR* open) { return ::closedir(open); });
  std::vector<std::string> names;
  while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr)
    if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  return names;
}

// Of the files in it; links are not followed.
std::uint64_t size_of(const std::string& path, int depth = 0) {
  struct stat status {};
  if (::lstat(path.c_str(), &status)) return 0;
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  std::uint64_t bytes = 0;
  if (S_ISDIR(status.st_mode) && depth < kMostDepth)
    for (const std::string& name : names_in(path)) bytes += size_of(path + "/" + name, depth + 1);
  return bytes;
}

}  // namespace

std::uint64_t forecast_bytes(const std::string& directory) {
  std::string newest;
  timespec written{};
  for (const std::string& name : names_in(directory)) {
    const std::string path = directory + "/" + name;
    struct stat status {};
    if (!name.ends_with(".fdr") || ::lstat(path.c_str(), &status) || !S_ISDIR(status.st_mode)) continue;
    if (!newest.empty() && std::pair(status.st_mtim.tv_sec, status.st_mtim.tv_nsec) <= std::pair(written.tv_sec, written.tv_nsec)) continue;
    newest = path;
    written = status.st_mtim;
  }
  const auto manifest = newest.empty() ? std::nullopt : manifest_of(newest);
  if (!manifest) return 0;
  if (manifest->written.rung != kWrittenRungs.front()) return manifest->written.needed_bytes;
  std::uint64_t blocks = 2;  // of the directory and the manifest
  std::set<std::string> folders;
  for (const auto& [path, sum] : manifest->files) {
    struct stat status {};
    if (::lstat((newest + "/" + path).c_str(), &status) == 0 && S_ISREG(status.st_mode)) blocks += static_cast<std::uint64_t>(status.st_size) / kBlockBytes + 1;
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) folders.insert(path.substr(0, slash));
  }
  return (blocks + folders.size()) * kBlockBytes;
}

bool remove_bundle(const std::string& path) {
  if (!is_bundle(path)) return false;
  std::error_code error;
  fs::remove_all(path, error);  // does not follow links
  return !error;
}

std::vector<std::string> remove_abandoned(const std::string& directory, std::int64_t since_realtime_ns) {
  constexpr std::string_view kPartial = ".fdr.partial";
  std::vector<std::string> removed;
  for (const std::string& name : names_in(directory)) {
    const std::string path = directory + "/" + name;
    const bool ours = name.size() > 20 && name[4] == '-' && name[10] == 'T' && name[19] == 'Z' && name[20] == '.';  // utc_compact()
    if (!ours || !name.ends_with(kPartial)) continue;
    const FileDescriptor writer(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!writer.valid() || ::fstat(writer.get(), &status) || status.st_uid != ::geteuid() || (status.st_mode & 07777) != 0700) continue;
    const std::int64_t written_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    if (written_ns < since_realtime_ns || ::flock(writer.get(), LOCK_EX | LOCK_NB)) continue;
    std::error_code ignored;
    if (fs::remove_all(path, ignored) != static_cast<std::uintmax_t>(-1)) removed.push_back(path);  // does not follow links
  }
  return removed;
}

void keep_newest(const std::string& directory, unsigned keep, std::uint64_t max_bytes, const std::string& latest) {
  std::vector<Kept> bundles;
  for (const std::string& name : names_in(directory)) {
    const std::string path = directory + "/" + name;
    if (std::error_code ignored; is_bundle(path)) bundles.push_back({.path = path, .written = fs::last_write_time(path, ignored), .bytes = size_of(path), .episode = {}});
  }
  for (Kept& bundle : bundles) read_episode(bundle);
  if (bundles.empty()) return;
  date_after_others(bundles, latest);
  const auto newest = std::max_element(bundles.begin(), bundles.end(), [](const Kept& a, const Kept& b) { return a.written < b.written; })->path;
  order(bundles);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bundles.size(); ++i) {
    sum += bundles[i].bytes;
    if (i > 0 && bundles[i].path != newest && (i >= keep || sum > max_bytes)) remove_bundle(bundles[i].path);
  }
}

}  // namespace fdr

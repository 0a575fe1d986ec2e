#include "recorder/baselines/baseline_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <optional>
#include <set>

#include "formats/compare/baseline.hpp"
#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/file_tree.hpp"
#include "formats/text.hpp"
#include "recorder/bundles/retention.hpp"

namespace fdr {
namespace {

constexpr std::int64_t kHour_ns = 3'600'000'000'000, kDay_ns = 24 * kHour_ns;
constexpr std::size_t kStarts = 2, kMarks = 4, kRegular = 3, kMarksInBundle = 3;
constexpr std::int64_t kApart_ns = 6 * kHour_ns;  // of the older regular ones one in so long is kept
constexpr std::int64_t kOldest_ns = 2 * kDay_ns;  // beyond which one is enough
constexpr std::string_view kSuffix = ".fdr";

// "2026-03-01T09-41-03Z.start" says when and what.
std::optional<StoredBaseline> stored(std::string name) {
  StoredBaseline found;
  found.kind = baseline_kind(name);
  std::tm parts{};
  const char* const end = found.kind.empty() ? nullptr : ::strptime(name.c_str(), "%Y-%m-%dT%H-%M-%SZ", &parts);
  if (!end || *end != '.') return std::nullopt;
  found.realtime_ns = std::int64_t{::timegm(&parts)} * 1'000'000'000;
  found.name = std::move(name);
  return found;
}

bool is_ours(const std::string& directory) {
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  return fd.valid() && ::fstat(fd.get(), &status) == 0 && status.st_uid == ::geteuid();
}

// Its files with their paths; nothing where it is no baseline, or too large for one.
std::optional<std::vector<std::pair<std::string, std::string>>> read_files(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> files;
  std::size_t bytes = 0;
  const FileTree tree = list_bundle_files(path);
  for (const FileTree::File& file : tree.files) {
    auto contents = file.bytes <= kMostBaselineBytes ? read_bundle_text(path, file.path, kMostBaselineBytes) : std::nullopt;
    if (!contents || (bytes += contents->size()) > kMostBaselineBytes) return std::nullopt;
    files.emplace_back(file.path, std::move(*contents));
  }
  return files;
}

}  // namespace

std::string baseline_directory(const Config& config, const std::string& recorder) { return config.baseline.enabled ? config.directory + "/baselines/" + recorder : ""; }

std::vector<StoredBaseline> stored_baselines(const std::string& directory) {
  std::vector<StoredBaseline> all;
  if (!is_ours(directory)) return all;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!name.ends_with(kSuffix)) continue;
    if (auto one = stored(name.substr(0, name.size() - kSuffix.size()))) all.push_back(std::move(*one));
  }
  std::sort(all.begin(), all.end(), [](const StoredBaseline& a, const StoredBaseline& b) { return std::tie(a.realtime_ns, a.name) > std::tie(b.realtime_ns, b.name); });
  return all;
}

std::vector<StoredBaseline> superseded(const std::vector<StoredBaseline>& all, std::int64_t now_ns) {
  std::vector<StoredBaseline> gone;
  std::size_t starts = 0, marks = 0, regular = 0;
  std::set<std::int64_t> spans;
  bool older = false;
  for (const StoredBaseline& one : all) {
    bool kept = false;
    if (one.kind == "start") kept = ++starts <= kStarts;
    else if (one.kind == "mark") kept = ++marks <= kMarks;
    else if (++regular <= kRegular) kept = true;
    else if (now_ns - one.realtime_ns <= kOldest_ns) kept = spans.insert(one.realtime_ns / kApart_ns).second;
    else kept = !std::exchange(older, true);
    if (!kept) gone.push_back(one);
  }
  return gone;
}

void remove_superseded(const std::string& directory, std::int64_t now_ns) {
  for (const StoredBaseline& one : superseded(stored_baselines(directory), now_ns)) remove_bundle(directory + "/" + one.name + std::string(kSuffix));
}

std::vector<StoredBaseline> chosen_for_bundle(const std::vector<StoredBaseline>& all, std::int64_t begin_ns) {
  std::vector<StoredBaseline> chosen;
  std::set<std::string> names;
  const auto take = [&](const StoredBaseline& one) {
    if (names.insert(one.name).second) chosen.push_back(one);
  };
  const auto youngest = [&](std::int64_t age_ns, std::string_view kind) {
    for (const StoredBaseline& one : all)
      if (one.realtime_ns < begin_ns - age_ns && (kind.empty() || one.kind == kind)) return take(one);
  };
  youngest(0, "");
  youngest(0, "start");
  youngest(0, "regular");
  youngest(kHour_ns, "");
  youngest(kDay_ns, "");
  std::size_t marks = 0;
  for (const StoredBaseline& one : all)
    if (one.kind == "mark" && one.realtime_ns < begin_ns && ++marks <= kMarksInBundle) take(one);
  return chosen;
}

void add_baselines(const std::string& directory, std::int64_t begin_ns, TextFiles& into, std::vector<std::string>& losses) {
  for (const StoredBaseline& one : chosen_for_bundle(stored_baselines(directory), begin_ns)) {
    std::optional<std::vector<std::pair<std::string, std::string>>> files;
    try {
      files = read_files(directory + "/" + one.name + std::string(kSuffix));
    } catch (const Error&) {
    }
    if (!files) losses.push_back("the baseline " + one.name + " could not be read, and is left out");
    else
      for (auto& [path, contents] : *files) into["baselines/" + one.name + "/" + path] = std::move(contents);
  }
}

}  // namespace fdr

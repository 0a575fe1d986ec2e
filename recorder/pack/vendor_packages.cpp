#include "recorder/pack/vendor_packages.hpp"

#include <dirent.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <string_view>

#include "recorder/system/bounded_command.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxList = 32u << 20, kMaxStatus = 64u << 20, kMaxLog = 16u << 20, kMaxLines = 2000;
constexpr std::size_t kMaxAsked = 64;  // of rpm, one child each

// Since /lib became a link to /usr/lib, either spelling may be the one in the list.
std::vector<std::string> spellings(const std::string& path) {
  std::vector<std::string> all = {path};
  for (const std::string_view merged : {"/lib", "/lib64", "/bin", "/sbin"}) {
    if (path.starts_with(std::string(merged) + "/")) all.push_back("/usr" + path);
    if (path.starts_with("/usr" + std::string(merged) + "/")) all.push_back(path.substr(4));
  }
  return all;
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// Package names by path; a list is "libc6:amd64.list".
void find_in_lists(const std::string& dpkg, std::map<std::string, PackageOf>& found) {
  std::map<std::string, std::string, std::less<>> wanted;
  for (const auto& [path, package] : found)
    for (const std::string& spelling : spellings(path)) wanted[spelling] = path;
  const std::unique_ptr<DIR, int (*)(DIR*)> lists(::opendir((dpkg + "/info").c_str()), ::closedir);
  if (!lists) return;
  while (const dirent* entry = ::readdir(lists.get())) {
    const std::string name = entry->d_name;
    if (!name.ends_with(".list")) continue;
    const std::string text = read_small_file(dpkg + "/info/" + name, kMaxList).value_or("");
    each_line(text, [&](std::string_view line) {
      if (const auto at = wanted.find(line); at != wanted.end()) found[at->second].package = name.substr(0, name.size() - 5);
    });
  }
}

void find_versions(const std::string& dpkg, std::map<std::string, PackageOf>& found) {
  std::map<std::string, std::string> versions;
  std::string package, architecture;
  each_line(read_small_file(dpkg + "/status", kMaxStatus).value_or(""), [&](std::string_view line) {
    const auto value = [&](std::string_view key) { return line.starts_with(key) ? std::optional(std::string(line.substr(key.size()))) : std::nullopt; };
    if (auto name = value("Package: ")) package = *name;
    if (auto name = value("Architecture: ")) architecture = *name;
    if (auto version = value("Version: ")) versions[package] = versions[package + ":" + architecture] = *version;
  });
  for (auto& [path, one] : found)
    if (const auto at = versions.find(one.package); at != versions.end()) one.version = at->second;
}

void ask_rpm(std::map<std::string, PackageOf>& found) {
  std::size_t asked = 0;
  for (auto& [path, one] : found) {
    if (++asked > kMaxAsked) {
      one.reason = "not asked for: too many files";
      continue;
    }
    CommandBounds bounds;
    bounds.max_bytes = 4096;
    const CommandResult result = run_bounded({"rpm", "-q", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\n", "-f", "--", path}, bounds);
    const std::size_t space = result.output.find(' ');
    if (!result.well() || space == std::string::npos) {
      one.reason = result.error.empty() ? "rpm knows no package of it" : "neither dpkg nor rpm is here";
      continue;
    }
    one.package = result.output.substr(0, space);
    one.version = result.output.substr(space + 1, result.output.find('\n') - space - 1);
  }
}

}  // namespace

std::map<std::string, PackageOf> packages_of(const std::vector<std::string>& paths, const std::string& dpkg) {
  std::map<std::string, PackageOf> found;
  for (const std::string& path : paths) found[path];
  if (!read_small_file(dpkg + "/status", 1)) {
    ask_rpm(found);
    return found;
  }
  find_in_lists(dpkg, found);
  find_versions(dpkg, found);
  for (auto& [path, one] : found)
    if (one.package.empty()) one.reason = "no package of dpkg holds it";
  return found;
}

std::vector<std::string> package_log(std::int64_t until_s, int days, const std::string& log) {
  const auto day = [](std::int64_t seconds) {
    const std::time_t time = seconds;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
    return std::string(text);
  };
  // dpkg writes local time without saying which: whole days, and one more at the end, are right everywhere.
  const std::string first = day(until_s - days * 86'400), last = day(until_s + 86'400);
  std::vector<std::string> lines;
  for (const std::string& file : {log + ".1", log})
    each_line(read_small_file(file, kMaxLog).value_or(""), [&](std::string_view line) {
      const bool wanted = line.size() > 20 && line.substr(0, 10) >= first && line.substr(0, 10) <= last;
      const bool tells = line.find(" install ") == 19 || line.find(" upgrade ") == 19 || line.find(" remove ") == 19 || line.find(" purge ") == 19;
      if (wanted && tells) lines.emplace_back(line);
    });
  if (lines.size() > kMaxLines) lines.erase(lines.begin(), lines.end() - kMaxLines);
  return lines;
}

}  // namespace fdr

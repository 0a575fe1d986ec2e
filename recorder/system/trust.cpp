#include "recorder/system/trust.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <set>
#include <string_view>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/system/child.hpp"
#include "recorder/system/spawn.hpp"

namespace fdr {
namespace {

// Set by sudo(8) for what it starts as root.
bool is_sudo_caller(uid_t user) {
  const char* text = ::geteuid() == 0 ? std::getenv("SUDO_UID") : nullptr;
  if (!text) return false;
  uid_t caller = 0;
  const std::string_view digits(text);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), caller);
  return parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() && caller == user;
}

// visit(path) for it, links followed, and for each directory above it.
template <class Visit>
void for_each_part(const std::string& path, const Visit& visit) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (!real) return;
  std::string at = real.get();
  for (;;) {
    visit(at);
    if (at == "/") return;
    at.resize(std::max<std::size_t>(at.rfind('/'), 1));
  }
}

bool is_sticky(const struct stat& status) { return S_ISDIR(status.st_mode) && status.st_mode & S_ISVTX; }

// Who can do all that we can, whatever we refuse.
struct Trusted {
  std::set<uid_t> users;
  std::set<gid_t> groups;
  bool anybody = false;
};

const Trusted& trusted() {
  static const Trusted known = [] {
    Trusted all{.users = {0, ::geteuid()}, .groups = {0, ::getegid()}};
    for_each_part("/proc/self/exe", [&](const std::string& part) {
      struct stat status {};
      if (::lstat(part.c_str(), &status)) return;
      all.users.insert(status.st_uid);
      if (is_sticky(status)) return;
      if (status.st_mode & S_IWGRP) all.groups.insert(status.st_gid);
      all.anybody |= (status.st_mode & S_IWOTH) != 0;
    });
    return all;
  }();
  return known;
}

std::string problem_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status)) return {};
  if (!trusted().users.contains(status.st_uid) && !is_sudo_caller(status.st_uid)) return fmt::format("{} belongs to user {}", path, status.st_uid);
  if (is_sticky(status)) return {};
  if (status.st_mode & S_IWOTH && !trusted().anybody) return path + " may be written by anybody";
  if (status.st_mode & S_IWGRP && !trusted().groups.contains(status.st_gid)) return fmt::format("{} may be written by group {}", path, status.st_gid);
  return {};
}

void require(const std::vector<std::string>& command) {
  if (command.empty()) return;
  std::string path;
  try {
    path = resolve_command(command.front(), kSpawnPath);
  } catch (const CommandError&) {
    return;  // told when it is to run
  }
  if (const std::string why = why_not_trusted(path); !why.empty())
    throw Error("the command '" + printable(command.front()) + "' is not run: " + why, "only what root or you alone can change is run: chown and chmod go-w, file and directories");
}

}  // namespace

std::string why_not_trusted(const std::string& path) {
  std::string problem;
  for_each_part(path, [&](const std::string& part) {
    if (problem.empty()) problem = problem_of(part);
  });
  return problem;
}

void require_trusted(const Config& config, const std::string& file) {
  if (const std::string why = file.empty() ? "" : why_not_trusted(file); !why.empty())
    throw Error("the configuration " + file + " is not used: " + why, "only what root or you alone can change is used: chown and chmod go-w, file and directories");
  for (const CollectorConfig& one : config.collectors) require(one.command);
  for (const NotifyConfig& one : config.notifiers) require(one.command);
  for (const UserMetricConfig& one : config.metrics) require(one.command);
  for (const HeartbeatConfig& one : config.heartbeats) require(one.command);
}

}  // namespace fdr

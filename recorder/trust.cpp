#include "recorder/trust.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/child.hpp"
#include "recorder/spawn.hpp"

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

bool is_trusted(uid_t user) { return user == 0 || user == ::geteuid() || is_sudo_caller(user); }

std::string problem_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status)) return {};
  if (!is_trusted(status.st_uid)) return fmt::format("{} belongs to user {}", path, status.st_uid);
  const bool sticky = S_ISDIR(status.st_mode) && status.st_mode & S_ISVTX;
  const bool by_group = status.st_mode & S_IWGRP && status.st_gid != 0 && status.st_gid != ::getegid();
  if (!sticky && (by_group || status.st_mode & S_IWOTH)) return fmt::format("{} may be written by {}", path, status.st_mode & S_IWOTH ? "anybody" : fmt::format("group {}", status.st_gid));
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
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (!real) return {};
  std::string at = real.get();
  for (;;) {
    if (const std::string problem = problem_of(at); !problem.empty()) return problem;
    if (at == "/") return {};
    at.resize(std::max<std::size_t>(at.rfind('/'), 1));
  }
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

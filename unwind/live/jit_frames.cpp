#include "unwind/live/jit_frames.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>

#include "formats/file_descriptor.hpp"
#include "formats/modules.hpp"
#include "unwind/perf_map.hpp"

namespace fdr {

namespace {

constexpr off_t kMaxBytes = off_t{32} << 20;  // of a longer file the end: what was compiled last
constexpr std::size_t kChunk = 64 << 10;

// Who a process is to itself and to the file system.
struct Identity {
  std::int32_t pid = 0;  // in its innermost namespace
  uid_t user = 0;
};

// The last number of the line "KEY:\t1\t2\t3" of /proc/PID/status.
template <class Number>
bool last_number(const std::string& line, std::string_view key, Number& number) {
  if (!line.starts_with(key)) return false;
  const std::size_t at = line.find_last_of('\t') + 1;
  return std::from_chars(line.data() + at, line.data() + line.size(), number).ec == std::errc();
}

std::optional<Identity> identity_of(std::int32_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  Identity identity;
  bool has_user = false;
  for (std::string line; std::getline(status, line);) {
    has_user |= last_number(line, "Uid:", identity.user);  // of the four the one that the file system goes by
    last_number(line, "NSpid:", identity.pid);
  }
  if (!has_user) return std::nullopt;
  if (identity.pid == 0) identity.pid = pid;  // before 4.1 there was no NSpid
  return identity;
}

FileDescriptor open_at(const FileDescriptor& directory, const char* name, int flags) {
  return FileDescriptor(::openat(directory.get(), name, flags | O_CLOEXEC | O_NOFOLLOW));
}

// The perf map of a process; `problem` is set where it is there and not to be trusted.
FileDescriptor open_perf_map(std::int32_t pid, bool ended, std::string& problem) {
  const auto identity = ended ? Identity{pid, ::geteuid()} : identity_of(pid);
  if (!identity) return FileDescriptor();
  // The root is a link of the kernel's making, and the only one that is followed.
  const FileDescriptor root(
      ::open(ended ? "/" : fmt::format("/proc/{}/root", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return FileDescriptor();
  const FileDescriptor directory = open_at(root, "tmp", O_PATH | O_DIRECTORY);
  if (!directory.valid()) return FileDescriptor();
  FileDescriptor file =
      open_at(directory, fmt::format("perf-{}.map", identity->pid).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status {};
  if (!file.valid()) {
    if (errno == ELOOP) problem = "a symbolic link, not followed";
    else if (errno != ENOENT) problem = std::strerror(errno);
    return FileDescriptor();
  }
  if (::fstat(file.get(), &status) != 0) problem = std::strerror(errno);
  else if (!S_ISREG(status.st_mode)) problem = "not a regular file";
  else if (status.st_uid != 0 && status.st_uid != identity->user) problem = fmt::format("it belongs to another user ({})", status.st_uid);
  else if (status.st_nlink > 1) problem = "it has a second name";  // might be somebody else's file, linked there
  if (!problem.empty()) return FileDescriptor();
  return file;
}

void read_perf_map(const FileDescriptor& file, PerfMapNames& names, std::string& problem) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return;
  const off_t end = status.st_size, begin = std::max<off_t>(0, end - kMaxBytes);
  if (begin > 0) problem = fmt::format("only its last {} MB were read", kMaxBytes >> 20);
  std::string chunk(kChunk, '\0');
  bool in_first_line = begin > 0;  // begins somewhere inside a line
  for (off_t at = begin; at < end;) {
    const ssize_t got = ::pread(file.get(), chunk.data(), std::min<std::size_t>(kChunk, static_cast<std::size_t>(end - at)), at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    at += got;
    std::string_view part(chunk.data(), static_cast<std::size_t>(got));
    if (in_first_line) {
      const std::size_t newline = part.find('\n');
      in_first_line = newline == std::string_view::npos;
      part.remove_prefix(in_first_line ? part.size() : newline + 1);
    }
    names.feed(part);
  }
  names.finish();
  if (names.exhausted()) problem = "it names the same addresses over and over, and was left";
}

}  // namespace

std::vector<std::string> name_jit_frames(StackTable& stacks, const std::set<std::int32_t>& ended) {
  std::map<std::int32_t, std::vector<std::uint32_t>> frames;  // by process
  for (std::uint32_t i = 0; i < stacks.frames().size(); ++i) {
    const Frame& frame = stacks.frames()[i];
    if (!frame.name.empty()) continue;
    if (const auto pid = process_of(stacks.modules()[frame.module])) frames[*pid].push_back(i);
  }
  std::vector<std::string> problems;
  for (const auto& [pid, unnamed] : frames) {
    std::string problem;
    if (const FileDescriptor file = open_perf_map(pid, ended.contains(pid), problem); file.valid()) {
      std::vector<std::uint64_t> addresses;
      for (const std::uint32_t frame : unnamed) addresses.push_back(stacks.frames()[frame].offset);
      PerfMapNames names(std::move(addresses));
      read_perf_map(file, names, problem);
      for (const std::uint32_t frame : unnamed) stacks.name_frame(frame, names.name(stacks.frames()[frame].offset));
    }
    if (!problem.empty()) problems.push_back(fmt::format("the perf map of process {} (names of its compiled code): {}", pid, problem));
  }
  return problems;
}

}  // namespace fdr

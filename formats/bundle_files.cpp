#include "formats/bundle_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "formats/text.hpp"

namespace fdr {
namespace {

bool safe_part(std::string_view part) {
  if (part.empty() || part.size() > 64 || part == "." || part == "..") return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

}  // namespace

std::optional<std::vector<std::string>> safe_path_parts(std::string_view path) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!safe_part(part) || parts.size() == 8) return std::nullopt;
    parts.emplace_back(part);
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::optional<std::string> read_regular_file(int directory_fd, std::string_view path, std::size_t max_bytes,
                                             bool truncate, std::string& problem) {
  const auto parts = safe_path_parts(path);
  if (!parts) {
    problem = printable(path) + ": not a path inside a bundle";
    return std::nullopt;
  }
  const auto failed = [&](const std::string& why) {
    problem = std::string(path) + ": " + why;
    return std::nullopt;
  };
  FileDescriptor fd;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    // O_NONBLOCK: opening a fifo must not hang.
    const int kind = i + 1 < parts->size() ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY;
    fd = FileDescriptor(
        ::openat(i == 0 ? directory_fd : fd.get(), (*parts)[i].c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind));
    if (!fd.valid()) return failed(errno == ELOOP ? "a symbolic link, not followed" : std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failed(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return failed("not a regular file");
  if (!truncate && static_cast<std::uint64_t>(status.st_size) > max_bytes)
    return failed("larger than " + bytes_text(static_cast<double>(max_bytes)));

  std::string contents(std::min<std::size_t>(static_cast<std::size_t>(status.st_size), max_bytes), '\0');
  std::size_t used = 0;
  while (used < contents.size()) {
    const ssize_t got = ::read(fd.get(), contents.data() + used, contents.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(std::strerror(errno));
    if (got == 0) break;  // it shrank meanwhile
    used += static_cast<std::size_t>(got);
  }
  contents.resize(used);
  return contents;
}

}  // namespace fdr

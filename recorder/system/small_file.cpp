#include "recorder/system/small_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "formats/file_descriptor.hpp"

namespace fdr {

std::optional<std::string> read_small_file(const std::string& path, std::size_t most) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return std::nullopt;
  std::string text;
  char part[16384];
  while (text.size() < most) {
    const ssize_t got = ::read(file.get(), part, std::min(sizeof part, most - text.size()));
    if (got < 0) return text.empty() ? std::nullopt : std::optional(text);
    if (got == 0) break;
    text.append(part, static_cast<std::size_t>(got));
  }
  return text;
}

std::string read_link(const std::string& path) {
  char target[4096];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
}

}  // namespace fdr

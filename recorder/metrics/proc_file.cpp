#include "recorder/metrics/proc_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace fdr {
namespace {

constexpr std::size_t kFirstSize = 16 << 10;
constexpr std::size_t kMaxSize = 4 << 20;

}  // namespace

ProcFile::ProcFile(const std::string& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {
  if (!file_.valid()) error_ = errno;
}

ProcFile::ProcFile(const FileDescriptor& directory, const char* name)
    : file_(::openat(directory.get(), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {
  if (!file_.valid()) error_ = errno;
}

std::optional<std::string_view> ProcFile::read(std::string& buffer, Reads reads) {
  if (!file_.valid()) return std::nullopt;
  if (buffer.size() < kFirstSize) buffer.resize(kFirstSize);
  std::size_t used = 0;
  while (true) {
    if (used == buffer.size()) {
      if (buffer.size() >= kMaxSize) {
        error_ = EFBIG;
        return std::nullopt;
      }
      buffer.resize(buffer.size() * 2);
    }
    const ssize_t got = ::pread(file_.get(), buffer.data() + used, buffer.size() - used, static_cast<off_t>(used));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      error_ = errno;
      return std::nullopt;
    }
    used += static_cast<std::size_t>(got);
    // One more read, that would say 0, would make the kernel produce a record's text again.
    if (got == 0 || (reads == Reads::kOneRead && used < buffer.size())) break;
  }
  error_ = 0;
  return std::string_view(buffer).substr(0, used);
}

}  // namespace fdr

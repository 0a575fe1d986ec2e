#include "recorder/logs/file_lines.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kMostBehind = 1u << 20;
constexpr Duration kOldFor = std::chrono::seconds(10);

}  // namespace

FileLines::FileLines(std::string path) : path_(std::move(path)) { open(true); }

bool FileLines::open(bool at_end) {
  FileDescriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status)) {
    problem_ = errno == ELOOP ? "a link, which is not followed" : std::strerror(errno);
    return false;
  }
  if (!S_ISREG(status.st_mode)) {
    problem_ = "no regular file";
    return false;
  }
  problem_.clear();
  current_ = {.file = std::move(file), .offset = at_end ? static_cast<std::uint64_t>(status.st_size) : 0, .lines = {}};
  return true;
}

bool FileLines::is_still(const Open& open) const {
  struct stat named {}, held {};
  // A name that is gone is no new file: what is held may still be written to.
  if (::lstat(path_.c_str(), &named) || ::fstat(open.file.get(), &held)) return true;
  return named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

void FileLines::read_on(Open& open, const TakeLine& take) {
  struct stat status {};
  if (!open.file.valid() || ::fstat(open.file.get(), &status)) return;
  const auto size = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
  if (size < open.offset) {
    open.lines.finish(take);
    open.offset = 0;
  }
  if (size - open.offset > kMostBehind) {
    const std::uint64_t to = size - kPerLook;
    skipped_bytes_ += to - open.offset;
    open.offset = to;
    open.lines.lose();
  }
  std::vector<char> part(std::min<std::uint64_t>(size - open.offset, kPerLook));
  const ssize_t got = part.empty() ? 0 : ::pread(open.file.get(), part.data(), part.size(), static_cast<off_t>(open.offset));
  if (got <= 0) return;
  open.offset += static_cast<std::uint64_t>(got);
  open.lines.add({part.data(), static_cast<std::size_t>(got)}, take);
}

void FileLines::read(Timestamp now, const TakeLine& take) {
  read_on(old_, take);
  if (old_.file.valid() && now >= old_until_) {
    old_.lines.finish(take);
    old_ = {};
  }
  if (!current_.file.valid()) {
    if (open(false)) read_on(current_, take);
    return;
  }
  const bool rotated = !is_still(current_);  // asked first: what is written before the name moves is then read here
  read_on(current_, take);
  if (!rotated) return;
  old_.lines.finish(take);
  old_ = std::exchange(current_, {});
  old_until_ = now + kOldFor;
  if (open(false)) read_on(current_, take);
}

std::string FileLines::skipped() const {
  return skipped_bytes_ ? bytes_text(static_cast<double>(skipped_bytes_)) + " were skipped: they came faster than logs are read" : "";
}

}  // namespace fdr

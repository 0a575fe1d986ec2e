#include "recorder/logs/kernel_lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "recorder/logs/line_splitter.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostRecord = 8192;  // CONSOLE_EXT_LOG_MAX: a shorter buffer would be refused with EINVAL
constexpr int kMostRecords = 2000;         // a look

}  // namespace

std::optional<std::string_view> kernel_text(std::string_view record) {
  const std::size_t begin = record.find(';');
  if (begin == std::string_view::npos || begin > 100) return std::nullopt;
  record.remove_prefix(begin + 1);
  return record.substr(0, record.find('\n'));
}

KernelLines::KernelLines() { open(); }

void KernelLines::open() {
  device_ = FileDescriptor(::open("/dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  problem_ = device_.valid() ? "" : std::string("/dev/kmsg: ") + std::strerror(errno);
  if (device_.valid()) ::lseek(device_.get(), 0, SEEK_END);
}

void KernelLines::read(Timestamp, const TakeLine& take) {
  if (!device_.valid()) open();
  char record[kMostRecord];
  for (int i = 0; device_.valid() && i < kMostRecords; ++i) {
    const ssize_t got = ::read(device_.get(), record, sizeof record);
    if (got < 0 && errno == EPIPE) {
      ++overwritten_;
      continue;
    }
    problem_ = got < 0 && errno != EAGAIN && errno != EINTR ? std::string("/dev/kmsg: ") + std::strerror(errno) : "";
    if (got <= 0) return;
    const auto text = kernel_text({record, static_cast<std::size_t>(got)});
    if (!text || text->empty()) continue;
    const std::size_t kept = std::min(text->size(), kMostLine);
    take(text->substr(0, kept), text->size() - kept);
  }
}

std::string KernelLines::skipped() const {
  return overwritten_ ? fmt::format("the kernel overwrote messages {} times before they were read", overwritten_) : "";
}

}  // namespace fdr

#include "unwind/live/remote_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/file_descriptor.hpp"
#include "unwind/live/page_map.hpp"

namespace fdr {
namespace {

constexpr std::size_t kPartsAtOnce = 1024;  // UIO_MAXIOV

bool has_swapped(std::int32_t pid) {
  const FileDescriptor file(::open(fmt::format("/proc/{}/status", pid).c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  const ssize_t length = file.valid() ? ::read(file.get(), text, sizeof text - 1) : -1;
  if (length <= 0) return false;
  text[length] = 0;
  const char* line = std::strstr(text, "\nVmSwap:");
  return line && std::strtoull(line + 8, nullptr, 10) > 0;
}

class Process {
 public:
  explicit Process(std::int32_t pid) : pid_(pid) {
    if (has_swapped(pid)) page_map_ = PageMap(pid);
  }

  void read(std::span<RemotePart> parts) {
    for (std::size_t at = 0; at < parts.size();) {
      const std::size_t count = std::min(kPartsAtOnce, parts.size() - at);
      at += read_some(parts.subspan(at, count));
    }
  }

 private:
  // The call ends at the first part that it cannot read: how many are done, that one included.
  std::size_t read_some(std::span<RemotePart> parts) {
    std::vector<iovec> to, from;
    std::size_t taken = 0;
    for (RemotePart& part : parts) {
      part.whole = false;
      if (page_map_.valid() && !is_present(part)) break;
      to.push_back({part.to.data(), part.to.size()});
      from.push_back({reinterpret_cast<void*>(part.address), part.to.size()});
      ++taken;
    }
    if (taken == 0) return 1;
    const ssize_t got = ::process_vm_readv(pid_, to.data(), taken, from.data(), taken, 0);
    if (got < 0 && errno == ESRCH) return parts.size();
    std::size_t left = got < 0 ? 0 : static_cast<std::size_t>(got), done = 0;
    for (; done < taken && left >= parts[done].to.size(); ++done) {
      left -= parts[done].to.size();
      parts[done].whole = true;
    }
    return std::min(done + 1, parts.size());
  }

  bool is_present(const RemotePart& part) {
    if (part.to.empty()) return true;
    for (std::uint64_t page = part.address / kPageBytes; page <= (part.address + part.to.size() - 1) / kPageBytes; ++page) {
      const auto [known, fresh] = present_.try_emplace(page, false);
      if (fresh) {
        const auto told = page_map_.at(page * kPageBytes);
        known->second = told && told->present;
      }
      if (!known->second) return false;
    }
    return true;
  }

  std::int32_t pid_;
  PageMap page_map_;  // open only where something is swapped out
  std::unordered_map<std::uint64_t, bool> present_;
};

}  // namespace

RemoteMemory memory_of(std::int32_t pid) {
  return [process = std::make_shared<Process>(pid)](std::span<RemotePart> parts) { process->read(parts); };
}

}  // namespace fdr

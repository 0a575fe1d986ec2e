#include "unwind/live/page_map.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace fdr {
namespace {

constexpr std::uint64_t kPresent = 1ull << 63, kSwapped = 1ull << 62;

}  // namespace

PageMap::PageMap(std::int32_t pid) : file_(::open(fmt::format("/proc/{}/pagemap", pid).c_str(), O_RDONLY | O_CLOEXEC)) {}

std::optional<PageMap::Page> PageMap::at(std::uint64_t address) const {
  std::uint64_t entry = 0;
  if (!valid()) return std::nullopt;
  const ssize_t got = ::pread(file_.get(), &entry, sizeof entry, static_cast<off_t>(address / kPageBytes * sizeof entry));
  if (got != sizeof entry) return std::nullopt;
  return Page{.present = (entry & kPresent) != 0, .swapped = (entry & kSwapped) != 0};
}

}  // namespace fdr

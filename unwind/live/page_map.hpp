// Whether pages of another process are in memory, from /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst): nothing of the memory
// itself is touched. The two bits that are read need no privilege beyond that of opening the file. Any thread, one at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/file_descriptor.hpp"

namespace fdr {

inline constexpr std::uint64_t kPageBytes = 4096;

class PageMap {
 public:
  struct Page {
    bool present = false, swapped = false;
  };

  PageMap() = default;  // of no process: says nothing
  explicit PageMap(std::int32_t pid);
  bool valid() const { return file_.valid(); }
  // The page that holds `address`; nothing where the kernel does not tell.
  std::optional<Page> at(std::uint64_t address) const;

 private:
  FileDescriptor file_;
};

}  // namespace fdr

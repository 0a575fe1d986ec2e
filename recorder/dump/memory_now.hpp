// What is mapped and present in a living process right now, from /proc/PID/maps and pagemap: whether memory that was seen to become resident
// still is, and what it is called. Reads nothing of the memory itself. Needs CAP_SYS_ADMIN or the same user; where the kernel does not tell, or
// not in time (patient_memory.hpp), nothing is known. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/timeline.hpp"
#include "unwind/live/page_map.hpp"

namespace fdr {

class MemoryNow {
 public:
  // `addresses`: those that holds() will be asked for.
  MemoryNow(std::int32_t pid, const std::vector<std::uint64_t>& addresses);

  bool known() const { return !regions_.empty(); }
  // The name that maps gives the region around `address` ("[heap]", a path, "" for anonymous); nothing where nothing is mapped.
  std::optional<std::string> region(std::uint64_t address) const;
  // Present or swapped out, so still the process's; nothing where pagemap does not say.
  std::optional<bool> holds(std::uint64_t address) const;

 private:
  struct Region {
    std::uint64_t start = 0, end = 0;
    std::string name;
  };
  std::vector<Region> regions_;
  std::unordered_map<std::uint64_t, PageMap::Page> pages_;  // by number
};

// Names the regions of growth in processes that live, and settles samples whose memory is gone without a call that said so.
void settle_by_memory(Timeline& timeline, Timestamp now);

}  // namespace fdr

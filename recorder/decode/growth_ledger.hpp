// What is left of growth: samples of memory that became resident, less what the process gave back since.
//
// A sample stands for the bytes around its address; when a call gives that range back (munmap, madvise, mremap, a lower brk), the sample is
// gone too, so that churn does not add up to growth. Memory that an allocator keeps and hands out again is not seen by the kernel: the
// sample stays with who touched it first. Pure; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "formats/timeline.hpp"

namespace fdr {

struct GaveBack {
  Timestamp time;
  std::uint32_t process = kNoIndex;
  std::uint64_t address = 0, length = 0;
};

// Sets given_back where a range that holds the sample's address was given back later. Both are sorted by time here.
// `process_of`: the process of a thread, by index.
void settle(std::vector<Growth>& growth, std::vector<GaveBack>& back, const std::function<std::uint32_t(std::uint32_t)>& process_of);

}  // namespace fdr

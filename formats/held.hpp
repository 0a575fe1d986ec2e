// Blocks of memory that were sampled when the targets allocated them and had not been freed at the end of the recording (heap = true), and the
// file of the bundle that holds them: allocations.json (FORMAT.md 1.4). Their stacks are those of the trace, so that they are named with them.
//
// A block of s bytes was sampled with a chance of 1 - exp(-s / every_bytes), and stands for s by that chance. The file is a stranger's when it
// is read: sizes bounded, indices checked, a wrong type reads as damage (Error).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/timeline.hpp"

namespace fdr {

inline constexpr const char* kAllocationsFile = "allocations.json";

struct Held {
  Timestamp time;                    // of the allocation: may lie long before the window
  std::uint32_t process = kNoIndex;
  std::uint64_t size = 0;
  StackId stack = kNoStack;          // of whom the allocator returned to
  bool operator==(const Held&) const = default;
};

struct HeldBlocks {
  std::uint64_t every_bytes = 0;     // a sample for each of these on average; 0: no target asked for it
  Timestamp since{};                 // the first probe: of what was allocated before nothing is known; Timestamp{}: there was none
  std::uint64_t sampled = 0;         // since then, those that were freed too
  std::vector<Held> blocks;          // by time
  bool operator==(const HeldBlocks&) const = default;

  std::uint64_t weight(std::uint64_t size) const;  // what a block of that size stands for
};

std::string held_json(const HeldBlocks& held);
// Against the tables of the same bundle. Throws Error; empty text is nothing held.
HeldBlocks held_blocks(std::string_view json, const Timeline& timeline);

}  // namespace fdr

// What the targets hold, as it stood in the programs' tables at one moment: sampled blocks and where they were allocated, and what is to be
// said of the sampling. Copied out at a dump, live or out of a dead recorder's pins; decoded by the dumper. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "formats/clock.hpp"
#include "recorder/window/wire.h"

namespace fdr {

inline constexpr std::uint64_t kHeapSampleBytes = 512 << 10;  // a sample for each of these on average

// Mean and quantiles of the gaps between samples: what the programs draw from.
std::vector<std::uint64_t> heap_gaps(std::uint64_t mean_bytes);

struct HeapReading {
  bool asked = false;   // some target has heap = true
  Timestamp since{};    // the first allocator was probed; Timestamp{}: none was
  std::vector<std::pair<fdr_heap_key, fdr_heap_block>> blocks;
  std::vector<std::pair<std::uint64_t, fdr_heap_stack>> stacks;
  fdr_heap_counts counts{};
  std::vector<std::string> problems;  // sentences
};

// What was lost of it, in sentences.
std::vector<std::string> heap_losses(const HeapReading& reading);

}  // namespace fdr

// What the targets hold of the memory that they allocated, by who allocated it: sampled blocks that were not freed, each standing for so much
// (formats/held.hpp). Exact but for the sampling, whose error is told: two times in three the truth is no further away. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "formats/figures/view.hpp"
#include "formats/held.hpp"

namespace fdr {

struct HeldCount {
  std::uint32_t process = kNoIndex;
  std::vector<FunctionId> functions;  // outermost first, up to who called the language's own means of allocation
  std::uint64_t bytes = 0;            // estimated
  std::uint64_t blocks = 0;           // sampled
  double error = 0;                   // standard error of `bytes`, as a part of it
  Timestamp first, last;              // of those that are held, when they were allocated
};

// By bytes. Allocated from `since` on, or at any time: the window does not bound it, unless the view was asked for a range.
std::vector<HeldCount> count_held(const View& view, const HeldBlocks& held, std::optional<Timestamp> since = std::nullopt);

// Whether what was allocated and is held accounts for what became resident since and is still there, or at least for half of it: then who
// allocated is the answer. Else most was mapped without the allocators that were watched, and who touched it is.
bool held_explains_growth(const View& view, const HeldBlocks& held, std::optional<Timestamp> since = std::nullopt);

}  // namespace fdr

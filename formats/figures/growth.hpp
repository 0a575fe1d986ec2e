// What grew: samples of memory that became resident, summed by who brought it in, less what was given back since. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/figures/view.hpp"

namespace fdr {

struct GrowthCount {
  std::uint32_t process = kNoIndex;
  GrowthKind kind = GrowthKind::kAnonymous;
  std::vector<FunctionId> functions;  // outermost first, the program's own; the kernel's where there are no others
  std::string region;                 // where most of it lies
  std::uint64_t held = 0;             // bytes that are still there
  std::uint64_t given_back = 0;
  std::uint64_t samples = 0;
};

// By what is held, then by what passed through. Of the targets, in the view's range.
std::vector<GrowthCount> count_growth(const View& view);

}  // namespace fdr

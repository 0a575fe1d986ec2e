// Where the CPU time went: samples counted by function and by whole stack. Each sample counts once per function,
// however often it recurs.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/figures/view.hpp"

namespace fdr {

struct FunctionCount {
  FunctionId function = 0;
  std::uint64_t self = 0, total = 0;    // samples with it innermost, and anywhere
  std::uint64_t before = 0, after = 0;  // of `self`, around the firing
  std::vector<FunctionId> heaviest;     // the stack that most often led to it, outermost first
};

struct StackCount {
  std::vector<FunctionId> functions;  // outermost first
  StackId example = kNoStack;         // one recorded stack of these functions, for places
  std::uint64_t samples = 0, before = 0, after = 0;
};

struct ThreadCount {
  std::uint32_t thread = kNoIndex;
  std::uint64_t samples = 0;
};

struct OnCpu {
  std::uint64_t samples = 0, kernel = 0, before = 0, after = 0, complete = 0, without_stack = 0;
  std::uint64_t bystanders = 0;          // samples of processes that are no target, not counted above
  std::vector<FunctionCount> functions;  // by self, then total
  std::vector<StackCount> stacks;        // by samples
  std::vector<ThreadCount> threads;      // by samples
  std::vector<std::pair<std::uint32_t, std::uint64_t>> processes;  // index and samples, bystanders included
  double before_s = 0, after_s = 0;  // how long samples were obtained on each side of the firing
};

OnCpu count_on_cpu(const View& view);

}  // namespace fdr

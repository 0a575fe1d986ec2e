// The targets' clock samples of one side of the onset, counted the ways several findings need. Built on demand; a sample
// counts once for each function of its stack, however often that recurs.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "formats/findings/evidence.hpp"

namespace fdr {

struct SampleCounts {
  std::uint64_t all = 0, kernel = 0;
  std::map<std::uint32_t, std::uint64_t> by_thread;
  std::map<StackId, std::uint64_t> by_stack;
};

// Of the targets' threads, or where `thread` is given of that one.
SampleCounts count_samples(const Evidence& evidence, Side side, std::uint32_t thread = kNoIndex);


// The functions a run of samples has in common: the deepest one that encloses at least `share` of them, with its callers,
// outermost first. User frames where there are any, else the kernel's. Empty where there is none.
std::vector<FunctionId> common_path(const Evidence& evidence, const SampleCounts& counts, double share);

// By how many samples a function was on the stack, most first: user frames or kernel frames.
std::vector<std::pair<FunctionId, std::uint64_t>> functions_by_total(const Evidence& evidence,
                                                                      const SampleCounts& counts, bool kernel);

}  // namespace fdr

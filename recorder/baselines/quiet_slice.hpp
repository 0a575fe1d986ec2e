// What of a recording is kept as a baseline: what a later time is compared by, and nothing else. Samples with their stacks, sums of system
// calls over the whole slice, metrics as means of a tenth of it, stalls (but waits by nature), slow and failed calls without their
// stacks. No single calls, no command lines, no events. Times are rounded to tenths, so that equal records pack well. Pure.
#pragma once

#include "formats/timeline.hpp"

namespace fdr {

inline constexpr std::size_t kMostSliceSamples = 20'000, kMostSliceStalls = 2'000, kMostSliceCalls = 1'000;

// The part of [begin, end) in which there are no more records than that: the newer one.
Timestamp slice_begin(const Timeline& all, Timestamp begin, Timestamp end);

Timeline quiet_slice(const Timeline& all, Timestamp begin, Timestamp end);

}  // namespace fdr

// The account of failed calls (wire.h: fdr_failing) as rows of a bundle; and the estimate of distinct paths from its sketch.
//
// Of the two parts of an entry those that reach into the window count. Pure; the entries hold what programs of any user passed to the
// kernel, so that lengths are bounded here again.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "formats/timeline.hpp"
#include "recorder/window/wire.h"

namespace fdr {

// HyperLogLog, with linear counting where few registers are set (Flajolet and others, 2007).
double sketch_estimate(std::span<const std::uint8_t, FDR_SKETCH> registers);

// What failed last at or after `begin`, most calls first. `failing_shift`: their epochs are 2^this ns
// long (fdr_failing_part).
std::vector<FailedSum> decode_failing(const std::vector<std::pair<fdr_failing_key, fdr_failing>>& entries, Timestamp begin, unsigned failing_shift);

}  // namespace fdr

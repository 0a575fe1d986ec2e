// From a row of the per-second log of system calls to the model's. Pure.
#pragma once

#include "formats/timeline.hpp"
#include "recorder/window/summary_log.hpp"

namespace fdr {

// `process`: index into the timeline's, kNoIndex for those that found no room.
SyscallSummary decoded_sum(const SummaryRow& row, std::uint32_t process);

}  // namespace fdr

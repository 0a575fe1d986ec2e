// The registers and the top of the stack of a thread that runs, by stopping it for some ten microseconds (PTRACE_SEIZE and INTERRUPT, never a
// signal). Only where it was asked for: a wait of the thread's (epoll_wait, for one) may return EINTR by it. Any thread; whoever calls is the
// tracer until it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "unwind/stack_sample.hpp"

namespace fdr {

struct StoppedStack {
  UserRegisters registers;
  std::vector<std::uint8_t> bytes;  // from registers.sp on
  bool whole = false;               // there was no more
};

// Nothing where it may not be traced, is traced already, has gone, or did not stop in time (it is let go in any case).
std::optional<StoppedStack> stop_and_copy(std::int32_t pid, std::int32_t tid, std::size_t most_bytes);

}  // namespace fdr

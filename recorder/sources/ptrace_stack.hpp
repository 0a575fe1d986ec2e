// The registers and the top of the stack of a thread that runs, by stopping it for some ten microseconds (PTRACE_SEIZE and INTERRUPT, never a
// signal). Only where it was asked for: a wait of the thread's (epoll_wait, for one) may return EINTR by it. Any thread; whoever calls is the
// tracer until the thread is let go.
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

struct StoppedThread {
  std::optional<StoppedStack> stack;  // nothing where it may not be traced, is traced already, has gone, or did not stop in time
  bool let_go = true;                 // false: it has not stopped yet and will; let_go() is to be called until it says so
};

StoppedThread stop_and_copy(std::int32_t pid, std::int32_t tid, std::size_t most_bytes);

// Lets go who has stopped since; false where it has not. Only who has stopped can be let go (ptrace(2)).
bool let_go(std::int32_t tid);

}  // namespace fdr

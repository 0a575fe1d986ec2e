// One command of the user's, run within bounds: started apart from us (spawn.hpp), /dev/null or a given text as its input; what it
// says on stdout and stderr is kept up to a cap.
// A program that others than root and the caller can change is not run (trust.hpp).
//
// At the deadline, and at the cap, its group gets SIGTERM, half a second later SIGKILL; whatever of the group is left when
// it has ended gets SIGKILL too. Blocks its thread for `timeout` and 1.5 s at most: a process that not even SIGKILL ends
// (uninterruptible in the kernel) is left behind, and said so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/clock.hpp"

namespace fdr {

struct CommandBounds {
  Duration timeout = std::chrono::seconds(5);
  std::uint64_t max_bytes = 1u << 20;
  int cancel = -1;  // readable: end it at once
  std::string input = {};                     // what it can read; empty: nothing
  std::vector<std::string> environment = {};  // "NAME=VALUE", beside PATH and LANG
  bool ourselves = false;                     // the program that runs already, whoever may change its file
};

struct CommandResult {
  std::string output;
  std::optional<int> wait_status;  // none: not started, or not ended
  bool timed_out = false, cut = false, cancelled = false;
  std::string error;  // why it was not started

  bool well() const { return wait_status == 0 && !timed_out && !cut && !cancelled; }
};

CommandResult run_bounded(const std::vector<std::string>& command, const CommandBounds& bounds);

}  // namespace fdr

// What is known of the targets at one moment: copied out by the session, or read back from what a dead recorder left. For a thread that
// decodes while the recording goes on. Plain data.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "recorder/go/go_programs.hpp"
#include "recorder/targets/held_files.hpp"
#include "recorder/targets/process_table.hpp"

namespace fdr {

struct MomentCopy {
  ProcessTable processes;
  HeldFiles files;
  std::vector<fdr_thread> threads;  // in use
  std::vector<fdr_parked> parked;
  GoProgramList go;
  Timestamp time;
  bool past = false;                // the moment is over: nothing can be read from the processes as they were
  std::set<std::int32_t> gone{};    // pids of processes that had not ended then, and have by now
};

}  // namespace fdr

// Walks of the stacks of threads that sleep right now, from memory that is read from outside without stopping them.
//
// Reading and walking are done in turns: the memory of some threads is read at one asking, with patience (patient_memory.hpp), then they are
// walked here, and those that came to a page which was not read are asked for anew. A thread whose place is another one after a read ran
// meanwhile: what was read is of two moments, and it is left out. One thread (the dumper).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "unwind/copy_walker.hpp"
#include "unwind/live/sleeping_thread.hpp"

namespace fdr {

struct SleepingWalk {
  SleepingPlace place;
  WalkedStack walked;
};

// One for each of `tids`, threads of `pid`: nothing where one does not sleep, or its process's memory is locked. `space` must outlive the walker.
std::vector<std::optional<SleepingWalk>> walk_sleeping(CopyWalker& walker, std::int32_t pid, std::span<const std::int32_t> tids, const AddressSpace& space, Timestamp now);

}  // namespace fdr

// Ends that nobody told of. A slot comes back, and a process ends, by the record of an exit alone: where that is lost (the life ring went round
// between two ticks, perf had no room, the lease was over) the slot would be taken and the process alive for ever.
//
// look() finds threads that are marked as ended and have their slot still, and processes that are gone: nobody has the number, or another one, or a
// zombie. Who is found so twice, with every record read in between, is told of by an exit that is made up; how he ended is not known. A thread
// without a mark keeps its slot as long as its process lives: its number proves nothing, execve changes it. Session thread only.
#pragma once

#include <cstdint>
#include <set>
#include <unordered_set>
#include <vector>

#include "recorder/targets/process_table.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

class LostEnds {
 public:
  // To be called once a tick, when what was told is applied. `losses` grows with all that may have taken an exit along. The exits that are to be
  // applied, as if the ring had told of them: nothing, most of the time.
  std::vector<fdr_life> look(const WindowView& window, const ProcessTable& table, std::uint64_t losses, Timestamp now);

  // Exits that are read after all, of threads whose slot was taken back by then: it may be another's. They end a process, and no thread.
  static void disown_slots(std::vector<fdr_life>& life, const WindowView& window);

 private:
  std::vector<fdr_life> marked(const WindowView& window, Timestamp now);
  std::vector<fdr_life> gone(const WindowView& window, const ProcessTable& table, Timestamp now);

  Timestamp looked_{};
  std::uint64_t losses_ = 0;
  std::unordered_set<std::uint32_t> marked_;  // ids of threads, found at the last look
  std::set<std::int32_t> gone_;               // processes, the same
  std::int32_t asked_ = 0;                    // the last process that was asked for: those behind it are next
};

}  // namespace fdr

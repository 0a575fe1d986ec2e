// Names the frames in code without a file, at the dump, from the perf map files of their processes: in the bundle they
// are like the kernel's frames, whose names cannot be found later either. The file is the target's,
// /proc/PID/root/tmp/perf-NSPID.map: taken only where it is a regular file of the process's user or of root, reached
// without a link. Of a process that has ended it is looked for in our own /tmp, and must be ours or root's.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "formats/stacks.hpp"

namespace fdr {

// Frames that have a name keep it. `ended`: pids of processes that are gone. Returns sentences on files that are there
// and were not used, or not whole.
std::vector<std::string> name_jit_frames(StackTable& stacks, const std::set<std::int32_t>& ended);

}  // namespace fdr

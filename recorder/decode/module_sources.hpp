// Where the files can be read whose code the targets ran, as good at the moment as it gets: for whoever walks stacks or looks up names
// while the processes may be gone. One thread.
#pragma once

#include "recorder/decode/moment_copy.hpp"
#include "unwind/module_files.hpp"

namespace fdr {

// Where they are looked for then: on this host as it is, but not on a file system that does not answer.
ModuleSearch while_recording();
// `found`: descriptors of files that were looked for; they must live as long as `files`.
void add_module_sources(ModuleFiles& files, const MomentCopy& moment, std::vector<FileDescriptor>& found);
// Pids of processes that had ended: nothing of theirs is to be read under that number.
std::set<std::int32_t> ended_processes(const MomentCopy& moment);

}  // namespace fdr

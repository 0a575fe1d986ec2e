// Memory of a process that is read from outside: its stacks, its goroutines, which of its pages are there. process_vm_readv(2) and
// /proc/PID/pagemap take the process's mmap lock as maps does, and who maps a file of a server that does not answer holds it for as long; a page
// of such a file is waited for too. So all such reads are made with patience (patience.hpp), under one key with those of patient_read.hpp: where
// one is waited for none other is begun. Any thread.
#pragma once

#include <cstdint>
#include <functional>

#include "formats/clock.hpp"
#include "unwind/live/remote_memory.hpp"

namespace fdr {

// Whether `work`, which reads memory of `pid`, was done; it must own what it touches (patience.hpp).
bool with_memory_of(std::int32_t pid, std::function<void()> work);

// Whether the memory of `pid` was not locked a moment ago: asked before something that takes the lock by the way, as a look-up in
// /proc/PID/map_files does.
bool memory_answers(std::int32_t pid);

// memory_of() with patience. What did not come back in time is not asked again: one wait, however much is left to read. One thread.
RemoteMemory patient_memory_of(std::int32_t pid);

// CPU time of the calling thread and of what with_memory_of() did for it.
Duration cpu_time_with_reads();

}  // namespace fdr

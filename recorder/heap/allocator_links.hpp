// Attaching the programs of heap.bpf.c to an allocator's functions in one process: uprobe links, which end with the last descriptor of them,
// and so with the recorder however it dies. They are never pinned: a hook that costs each allocation must not outlive who reads it.
//
// System calls only (bpf(2), perf_event_open(2)), no libbpf: its version in Debian 12 does not know multi-uprobes. Layouts from
// include/uapi/linux/bpf.h: uprobe_multi since 6.6, sessions since 6.13. Any thread; attaching takes the process's mmap lock for each function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/file_descriptor.hpp"
#include "recorder/heap/allocator_functions.hpp"

namespace fdr {

// The loaded programs. Either a session, which sees only those returns that matter, or a pair.
struct HeapPrograms {
  int session = -1;
  std::uint32_t session_type = 0;  // BPF_TRACE_UPROBE_SESSION, as the kernel's BTF has it
  int entry = -1, exit = -1;
};

// Process `pid` (not a thread), the file at `path`; open links keep the probes. Empty, and `*problem`, where it cannot be done.
std::vector<FileDescriptor> attach_allocator(const HeapPrograms& programs, std::int32_t pid, const std::string& path,
                                             const std::vector<AllocatorFunction>& functions, std::string* problem);

}  // namespace fdr

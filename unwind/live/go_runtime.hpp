// Where a running Go program keeps what it knows of itself: its goroutines (runtime.allgs), their count, the memory profile
// (runtime.mbuckets); and the layout of struct g. Found once a process, without its help and without stopping it.
//
// Addresses come from the symbols, of a stripped program from the code of the functions that use them (go_code.hpp); layouts
// from the runtime's type descriptors (go_types.hpp), the texts of wait reasons from the program's own table: so no facts of
// single versions are needed. What is found is checked against the live memory before it is believed. What cannot be had is
// said why. A value; finding it takes 1 to 20 ms. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "unwind/elf_image.hpp"
#include "unwind/go_pclntab.hpp"
#include "unwind/live/remote_memory.hpp"

namespace fdr {

// Offsets in struct g (runtime/runtime2.go).
struct GoLayout {
  std::uint64_t size = 0;
  std::uint64_t stack_low = 0, stack_high = 0, sched_sp = 0, sched_pc = 0, syscall_sp = 0, syscall_pc = 0;
  std::uint64_t status = 0, id = 0, wait_since = 0, wait_reason = 0, go_pc = 0, start_pc = 0;
};

struct GoRuntime {
  std::string version;             // "go1.19.8", empty where it is not known
  std::uint64_t bias = 0;          // address of a byte of the image less its vaddr
  std::uint64_t all_goroutines = 0;  // address of the slice runtime.allgs
  GoLayout g;
  std::vector<std::string> wait_reasons;  // by number
  std::string problem;             // why goroutines cannot be read; empty where they can
  bool not_begun = false;          // it has not come to its first goroutine: look again later

  // What runtime.NumGoroutine subtracts from the length of allgs, which counts those too that are over and kept to be used
  // again, and the system's: addresses of 32-bit counts. Empty: only a look at every goroutine tells how many there are.
  std::vector<std::uint64_t> not_counted;

  std::uint64_t buckets = 0;       // address of runtime.mbuckets
  std::uint64_t profile_rate = 0;  // address of runtime.MemProfileRate
  std::string heap_problem;        // why the profile cannot be read; empty where it can
};

GoRuntime find_go_runtime(const ElfImage& image, const GoPclntab& table, std::uint64_t bias, const RemoteMemory& memory);

}  // namespace fdr

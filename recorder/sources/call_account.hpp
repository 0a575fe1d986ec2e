// What is counted of system calls, for backends that see them in user space: exact sums by (process, number), errors by errno, the single
// record, and the record of slow and failed ones: what bpf/syscalls.bpf.c is to the programs, after the same rules.
//
// Of slow and failed calls there are arguments and result, no path and no stack: the memory they point to has changed by the time we hear of
// them. The number's ABI is known for x32 alone. Session thread only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "recorder/sources/ring_writer.hpp"

namespace fdr {

class CallAccount {
 public:
  CallAccount(const WindowFile& window, RingWriter& rings, std::uint64_t slow_ns, bool single_calls);

  // Where it happened: the slot of the CPU.
  struct At {
    std::uint64_t ns = 0;
    std::uint32_t slot = 0, cpu = 0;
  };
  void enter(fdr_thread& thread, std::int64_t id, const std::array<std::uint64_t, 6>& arguments, At at);
  void leave(fdr_thread& thread, std::int64_t id, std::int64_t result, At at);

 private:
  fdr_summary_cell* cell_of(std::uint32_t slot, std::uint32_t tgid, std::uint32_t nr);
  void count(fdr_thread& thread, std::uint32_t nr, std::uint64_t wall, std::uint64_t cpu, bool failed, bool timed, At at);
  void single(const fdr_thread& thread, std::uint32_t nr, std::uint64_t wall, std::uint64_t cpu, std::int64_t result, At at);
  bool may_tell_failure(std::uint32_t tgid, std::uint32_t nr, std::uint32_t error, bool quiet, std::uint64_t now_ns);
  void detailed(int ring, const fdr_thread& thread, std::uint32_t nr, std::uint64_t wall, std::uint64_t cpu, std::int64_t result, At at);

  WindowArrays arrays_;
  RingWriter& rings_;
  std::uint64_t slow_ns_;
  bool single_calls_;
  std::array<std::uint8_t, FDR_SYSCALLS_MAX> traits_;
  std::vector<std::array<std::uint64_t, 6>> arguments_;  // by slot of the thread, of the call it is in
};

}  // namespace fdr

// Threads on and off their CPUs, for backends that hear of switches in user space: CPU time, gaps, and a stall for each gap that was long: what
// bpf/sched.bpf.c and progress.h are to the programs. Records may have been lost: whoever is found at work with its switch-out still open is
// held to have come back then; a sleep outside any call that we know of is held to have been asked for. Session thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "recorder/sources/ring_writer.hpp"

namespace fdr {

class SwitchAccount {
 public:
  SwitchAccount(const WindowFile& window, RingWriter& rings, std::uint64_t off_cpu_ns);

  struct At {
    std::uint64_t ns = 0;
    std::uint32_t slot = 0, cpu = 0;
  };
  // Leaves its CPU in a state as fdr_thread.out_state has it: 0 could run, 1 asleep, 2 uninterruptible.
  void out(fdr_thread& thread, std::uint32_t state, At at);
  void in(fdr_thread& thread, At at);
  // Found running, by the clock or in a system call.
  void running(fdr_thread& thread, At at);
  // It is about to leave uninterruptibly, from here (a struct fdr_stack and what follows).
  void blocks(const fdr_thread& thread, std::span<const std::uint8_t> stack);
  // Whether it said so since it last came back.
  bool is_blocking(const fdr_thread& thread) const;

 private:
  void come_back(fdr_thread& thread, At at);

  WindowArrays arrays_;
  RingWriter& rings_;
  std::uint64_t off_cpu_ns_;
  std::array<std::uint8_t, FDR_SYSCALLS_MAX> traits_;
};

}  // namespace fdr

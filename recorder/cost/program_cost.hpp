// What the BPF programs cost the CPUs that run them, estimated: how often they ran, as the window's own counters have it, times what a run
// takes (bpf_stats on a 2-CPU guest, Linux 6.18). The kernel's own account of it would lift the price of every program of the host.
// Pure.
#pragma once

#include <cstdint>
#include <span>

#include "formats/clock.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

class ProgramCost {
 public:
  // Threads that ended since the last read(): what they did is in no slot any more.
  void ended(const fdr_thread& thread) { ended_ += runs_of(thread); }
  // CPU time since the last read(); nothing at the first. `calls`: whether they were looked at.
  Duration read(const WindowView& window, std::span<const std::uint32_t> live, bool calls);

 private:
  struct Runs {
    std::uint64_t calls = 0, switches = 0;
    Runs& operator+=(const Runs& more) {
      calls += more.calls, switches += more.switches;
      return *this;
    }
  };
  static Runs runs_of(const fdr_thread& thread) { return {thread.calls, thread.voluntary + thread.involuntary}; }

  Runs ended_, last_;
  std::uint64_t records_ns_ = 0;
  bool known_ = false;
};

}  // namespace fdr

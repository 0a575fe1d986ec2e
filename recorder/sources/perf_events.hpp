// The perf events of one thread on one CPU, their kinds, and how each is opened. Events are inherited by what the thread starts, so they stay
// open as long as anything of it may live; a kind that this host refuses is found out once, at probe().
//
// An inherited event can be mapped only where it is bound to a CPU (perf_mmap in kernel/events/core.c): hence one for each thread and CPU, all
// of a kind writing into that CPU's ring. Session thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "formats/file_descriptor.hpp"
#include "recorder/sources/tracepoint.hpp"

namespace fdr {

enum PerfKind { kClock, kFlow, kBlocked, kEnter, kLeave };

// What of perf this host gives us, found by trying on ourselves.
struct PerfSupport {
  bool clock = false;    // anything at all
  bool kernel = false;   // of time in the kernel too: CAP_PERFMON, or kernel.perf_event_paranoid below 2
  bool build_ids = false;  // since 5.12
  bool switches = false;   // since 4.3
  std::optional<Tracepoint> blocked, enter, leave;  // sched_switch, sys_enter, sys_exit
  std::string problem;   // why not even the clock
};
PerfSupport probe_perf();

struct PerfShape {
  PerfSupport support;
  std::uint64_t period_ns = 0;
  std::uint32_t stack_bytes = 0;  // of a clock sample; a blocked thread's is FDR_COPY_SMALL
};

// On `cpu` (-1: any), of this thread and what it starts. Invalid, with errno, where it is refused.
FileDescriptor open_perf_event(const PerfShape& shape, PerfKind kind, std::int32_t tid, int cpu);

}  // namespace fdr

#include "recorder/sources/perf_events.hpp"

#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "recorder/sources/perf_records.hpp"
#include "recorder/system/perf_event.hpp"
#include "recorder/system/pretend.hpp"
#include "recorder/window/wire.h"

namespace fdr {
namespace {

constexpr const char* kUninterruptible = "prev_state & 2";  // TASK_UNINTERRUPTIBLE, in whatever form the kernel tells states

perf_event_attr common_attr(const PerfShape& shape) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.inherit = 1;
  attr.sample_id_all = 1;
  attr.exclude_kernel = !shape.support.kernel;
  attr.exclude_hv = 1;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.watermark = 1;
  attr.wakeup_watermark = 0x7fffffff;  // nobody is ever woken
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
  return attr;
}

void add_stack(perf_event_attr& attr, bool kernel, std::uint32_t bytes) {
  attr.sample_type |= PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
  attr.exclude_callchain_user = 1;
  attr.exclude_callchain_kernel = !kernel;
  attr.sample_regs_user = perf_register_mask();
  attr.sample_stack_user = bytes;
}

bool opens(const PerfShape& shape, PerfKind kind) { return open_perf_event(shape, kind, 0, -1).valid(); }

}  // namespace

FileDescriptor open_perf_event(const PerfShape& shape, PerfKind kind, std::int32_t tid, int cpu) {
  perf_event_attr attr = common_attr(shape);
  const PerfSupport& support = shape.support;
  switch (kind) {
    case kClock:
      attr.config = PERF_COUNT_SW_CPU_CLOCK;
      attr.sample_period = shape.period_ns;
      add_stack(attr, support.kernel, shape.stack_bytes);
      break;
    case kFlow:
      attr.config = PERF_COUNT_SW_DUMMY;
      attr.task = 1;
      attr.comm = 1;
      attr.comm_exec = 1;
      attr.mmap = 1;
      attr.mmap2 = 1;
      attr.build_id = support.build_ids;
      attr.context_switch = support.switches;
      break;
    default: {
      const auto& tracepoint = kind == kBlocked ? support.blocked : kind == kEnter ? support.enter : support.leave;
      errno = ENOENT;
      if (!tracepoint) return {};
      attr.type = PERF_TYPE_TRACEPOINT;
      attr.config = tracepoint->id;
      attr.sample_period = 1;
      if (kind == kBlocked) add_stack(attr, true, FDR_COPY_SMALL);
      else attr.sample_type |= PERF_SAMPLE_RAW, attr.wakeup_watermark = 0;  // half the ring (ring_buffer_init in kernel/events/ring_buffer.c)
    }
  }
  FileDescriptor event = open_perf_event(attr, tid, cpu);
  if (event.valid() && kind == kBlocked && ::ioctl(event.get(), PERF_EVENT_IOC_SET_FILTER, kUninterruptible)) return {};
  return event;
}

PerfSupport probe_perf() {
  PerfShape shape{.support = {}, .period_ns = 10'000'000, .stack_bytes = FDR_COPY_SMALL};
  PerfSupport& support = shape.support;
  if (pretended_missing("perf")) {
    support.problem = "perf_event_open is held to be missing";
    return support;
  }
  support.kernel = true;
  support.clock = opens(shape, kClock);
  if (!support.clock) {
    support.kernel = false;
    support.clock = opens(shape, kClock);
  }
  if (!support.clock) {
    support.problem = std::string("perf_event_open: ") + std::strerror(errno);
    return support;
  }
  support.build_ids = true;
  support.build_ids = opens(shape, kFlow);
  support.switches = true;
  support.switches = opens(shape, kFlow);
  if (!support.kernel) return support;  // a tracepoint is an event in the kernel
  support.blocked = find_tracepoint("sched/sched_switch");
  if (support.blocked && !opens(shape, kBlocked)) support.blocked.reset();
  support.enter = find_tracepoint("raw_syscalls/sys_enter");
  support.leave = find_tracepoint("raw_syscalls/sys_exit");
  if (!support.enter || !support.leave || !opens(shape, kEnter) || !opens(shape, kLeave)) {
    support.enter.reset();
    support.leave.reset();
  }
  return support;
}

}  // namespace fdr

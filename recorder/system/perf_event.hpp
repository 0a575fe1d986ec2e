// perf_event_open(2), as whoever has given up CAP_SYS_ADMIN must call it.
//
// The kernel wants CAP_PERFMON at most; Debian's, since 2016, knows a kernel.perf_event_paranoid of 3 besides (its default), where the call
// takes CAP_SYS_ADMIN whatever else one has. Where it is refused that is raised for the call, if it was kept aside (own_privileges.hpp). Any
// thread.
#pragma once

#include <linux/perf_event.h>

#include <cstdint>

#include "formats/file_descriptor.hpp"

namespace fdr {

// Of thread `pid`, or of CPU `cpu`, or of both; -1: any, 0: ourselves. Invalid, with errno, where it cannot be had.
FileDescriptor open_perf_event(perf_event_attr attr, std::int32_t pid, int cpu);

}  // namespace fdr

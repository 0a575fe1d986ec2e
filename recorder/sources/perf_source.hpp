// The perf backend: stacks, switches, lives, mappings and system calls of the targets' threads from perf events, for kernels without BPF and
// users without its capabilities.
//
// Nothing is done in the kernel but writing: the session drains the rings once a tick, and writes the records of wire.h itself into a window in
// a shared file. Events belong to the targets' threads and go on in what they start, so others cost nothing and nothing is known of them. What
// this host refuses (tracepoints, time in the kernel) is found out by trying, and told in notes(). Session thread only.
#pragma once

#include <memory>
#include <string>

#include "recorder/config/config.hpp"
#include "recorder/sources/event_source.hpp"
#include "recorder/sources/perf_events.hpp"

namespace fdr {

// Rings and more that it does not record (fdr_lacks).
std::uint32_t perf_lacks(const Config& config, const PerfSupport& support);

// Throws Error where not even the clock can be had.
std::unique_ptr<EventSource> open_perf_source(const Config& config, PerfSupport support, const WindowLayout& layout, std::uint64_t memory,
                                              const std::string& recorder_name);

}  // namespace fdr

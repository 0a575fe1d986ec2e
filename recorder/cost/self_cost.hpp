// What the recorder itself costs: CPU of its process, plus an estimate of what the programs cost their hosts; memory beside the window.
#pragma once

#include <cstdint>
#include <string_view>

#include "formats/clock.hpp"

namespace fdr {

double own_cpu_seconds();
Duration thread_cpu_time();  // of the calling thread
// Resident memory of this process without the mapped window and the snapshot buffer, which is as large as the window's rings
// (WindowLayout::ring_bytes).
std::uint64_t own_rss_bytes(std::uint64_t snapshot_bytes);
// The same without the program's own code, from a cheaper source: for a metric read each second.
std::uint64_t own_anonymous_bytes(std::uint64_t snapshot_bytes);
// Of a process with this /proc/PID/smaps, the snapshot buffer included.
std::uint64_t rss_beside_window(std::string_view smaps);

}  // namespace fdr

// Writes a Timeline as a native Perfetto trace (packets and pitfalls: notes in FORMAT.md).
//
// Packets are gathered in chunks of about 256 KiB and written zlib-compressed (TracePacket field 50), so that a trace
// cut anywhere loads up to the cut. What Perfetto has no packet for goes into TracePacket fields 2000+ of the same
// stream. Throws Error when the sink fails. One thread.
#pragma once

#include <functional>
#include <string_view>

#include "formats/timeline.hpp"

namespace fdr {

struct TraceTrigger {
  std::string name;
  Timestamp time;
};

// `sink` is called with consecutive pieces of the file.
void write_perfetto(const Timeline& timeline, const TraceTrigger& trigger,
                    const std::function<void(std::string_view)>& sink);

}  // namespace fdr

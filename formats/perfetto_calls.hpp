// Raw system calls in a trace: there may be hundreds of thousands, so they are packed. A chunk of up to 4096 calls
// becomes one packet per CPU: an FtraceEventBundle with a sys_enter and a sys_exit event for each call, and beside it
// what these cannot hold, as parallel lists (field 2011). Calls that Perfetto would name wrongly or drop go into lists
// alone. Not thread-safe.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "formats/perfetto_cursor.hpp"
#include "formats/perfetto_packets.hpp"
#include "formats/timeline.hpp"

namespace fdr::perfetto {

void put_calls(PacketStream& stream, const Timeline& timeline, const TraceClock& clock);

// Collects the calls of successive packets and restores their order across CPUs.
class CallCollector {
 public:
  // `bundle` is the packet's FtraceEventBundle, if it has one. Returns how many calls it held. Throws Damage.
  std::size_t add(std::string_view lists, std::optional<std::string_view> bundle, const TraceClock& clock,
                  std::size_t thread_count);
  std::vector<SyscallCall> take();

 private:
  struct Placed {
    std::uint64_t position;
    SyscallCall call;
  };
  void settle();

  std::uint64_t chunk_ = 0;
  std::vector<Placed> pending_;  // of the chunk under way
  std::vector<SyscallCall> done_;
};

}  // namespace fdr::perfetto

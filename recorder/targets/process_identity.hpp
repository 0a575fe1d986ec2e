// Which process is meant. A number may be another's by the time it is used; with the moment of its start it is one process for good.
#pragma once

#include <cstdint>

namespace fdr {

struct ProcessIdentity {
  std::int32_t pid = 0;
  std::uint64_t start_boottime_ns = 0;  // as /proc says it: to a tick of 10 ms; 0: whoever has the number

  bool fits(std::uint64_t said_ns) const { return start_boottime_ns == 0 || start_boottime_ns == said_ns; }
  bool operator==(const ProcessIdentity&) const = default;
};

}  // namespace fdr

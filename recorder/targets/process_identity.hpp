// Which process is meant. A number may be another's by the time it is used; with the moment of its start it is one process for good. Data only.
#pragma once

#include <cstdint>
#include <string>

namespace fdr {

struct ProcessIdentity {
  std::int32_t pid = 0;
  std::uint64_t start_boottime_ns = 0;  // as /proc says it: to a tick of 10 ms; 0: whoever has the number

  bool fits(std::uint64_t said_ns) const { return start_boottime_ns == 0 || start_boottime_ns == said_ns; }
  bool operator==(const ProcessIdentity&) const = default;
};

// A process that lives now.
struct LivingProcess {
  std::int32_t pid = 0, parent = 0;
  std::uint64_t start_boottime_ns = 0;  // as above
  std::string name;
};

}  // namespace fdr

#include "recorder/window/host_size.hpp"

#include <algorithm>

#include "recorder/system/cpu_list.hpp"

namespace fdr {

int recorded_slots() {
  const auto online = online_cpus().size(), possible = possible_cpus().size();
  return static_cast<int>(std::max<std::size_t>(1, std::min(possible, online + 2)));
}

std::uint64_t memory_of(const Config& config) { return config.memory_bytes(static_cast<int>(online_cpus().size())); }

}  // namespace fdr

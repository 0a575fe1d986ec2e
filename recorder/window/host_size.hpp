// How large a window is on this host: as its CPUs are counted. Any thread.
#pragma once

#include <cstdint>

#include "recorder/config/config.hpp"

namespace fdr {

// CPUs that get rings: those online, and at most two that could come.
int recorded_slots();
// Bytes: --memory, or its default on this host.
std::uint64_t memory_of(const Config& config);

}  // namespace fdr

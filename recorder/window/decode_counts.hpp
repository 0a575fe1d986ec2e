// How many records of each ring were met, kept and lost while a window was decoded. Data only.
#pragma once

#include <array>
#include <cstdint>

#include "recorder/window/wire.h"

namespace fdr {

struct DecodeCounts {
  std::array<std::uint64_t, FDR_RINGS> seen{};       // met in the rings, those older than the window too
  std::array<std::uint64_t, FDR_RINGS> kept{};
  std::array<std::uint64_t, FDR_RINGS> torn{};
  std::array<std::uint64_t, FDR_RINGS> overtaken{};
  std::uint64_t copied_samples = 0;                  // clock samples whose stack was copied, not walked
};

}  // namespace fdr

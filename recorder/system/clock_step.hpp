// The wall clock set while we record: times of a recording are monotonic and do not notice, but wall times of before and after do not fit
// together, so it is told. A suspend is none: CLOCK_BOOTTIME goes on through it. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "formats/clock.hpp"

namespace fdr {

// Forward where positive. What adjtime(3) and its like move between two ticks is far less.
inline std::optional<Duration> clock_step(const ClockAnchor& before, const ClockAnchor& after) {
  constexpr Duration kLeast = std::chrono::milliseconds(200);
  const Duration step{(after.realtime_ns - before.realtime_ns) - (after.boottime_ns - before.boottime_ns)};
  if (step < kLeast && step > -kLeast) return std::nullopt;
  return step;
}

}  // namespace fdr

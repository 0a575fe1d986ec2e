// A sum of durations that may be a stranger's: each of them is bounded where it is read, how many there are is not. At the end of what fits
// the sum stays there. Pure.
#pragma once

#include <limits>

#include "formats/clock.hpp"

namespace fdr {

inline void add_up(Duration& sum, Duration more) {
  Duration::rep total = 0;
  if (__builtin_add_overflow(sum.count(), more.count(), &total))
    total = more.count() < 0 ? std::numeric_limits<Duration::rep>::min() : std::numeric_limits<Duration::rep>::max();
  sum = Duration{total};
}

}  // namespace fdr

#include "recorder/heap/heap_reading.hpp"

#include <fmt/format.h>

#include <cmath>

namespace fdr {

std::vector<std::uint64_t> heap_gaps(std::uint64_t mean_bytes) {
  std::vector<std::uint64_t> gaps;
  constexpr int kSteps = FDR_HEAP_GAPS;
  for (int i = 0; i < kSteps; ++i)
    gaps.push_back(static_cast<std::uint64_t>(std::llround(-std::log1p(-static_cast<double>(i) / kSteps) * static_cast<double>(mean_bytes))));
  return gaps;
}

std::vector<std::string> heap_losses(const HeapReading& reading) {
  std::vector<std::string> losses = reading.problems;
  const auto add = [&](std::uint64_t count, const char* what) {
    if (count) losses.push_back(fmt::format("heap: {} of {} sampled blocks {}", count, reading.counts.sampled, what));
  };
  add(reading.counts.no_room, "found no room in the table and are not counted as held: raise --memory");
  add(reading.counts.without_stack, "found no room for their stack: raise --memory");
  add(reading.counts.busy, "were not kept: another was being sampled on the same CPU");
  return losses;
}

}  // namespace fdr

#include "recorder/metrics/standstill.hpp"

#include <algorithm>

namespace fdr {

void Standstill::read(std::span<const fdr_canary> canaries, Timestamp now, std::span<double> row) const {
  if (!longest_ || !cpus_ || canaries.empty()) return;
  const auto epoch = static_cast<std::uint32_t>(static_cast<std::uint64_t>(to_ns(now)) >> 30);
  Duration longest{};
  double cpus = 0;
  for (const fdr_canary& canary : canaries) {
    Duration out{};
    for (int parity = 0; parity < 2; ++parity)
      if (canary.epoch[parity] + 1 >= epoch) out = std::max(out, Duration{static_cast<std::int64_t>(canary.longest_ns[parity])} - period_);
    longest = std::max(longest, out);
    if (out >= kCounts) ++cpus;
  }
  row[*longest_] = to_seconds(longest);
  row[*cpus_] = cpus;
}

}  // namespace fdr

// CPU of programs outside the targets, from the metrics "bystander[NAME].cpu.total|system": percent of one CPU, each point of the
// second before it. Names are another user's: printable here.
#pragma once

#include <string>
#include <vector>

#include "formats/findings/evidence.hpp"

namespace fdr {

struct BystanderLoad {
  std::string name;
  const MetricSeries* total = nullptr;
  const MetricSeries* system = nullptr;  // may be missing
};
std::vector<BystanderLoad> bystander_loads(const Evidence& evidence);

// Who was in the kernel between the two times for a fifth of a CPU or more, and for twice of what it was at other times:
// "free-caches 68.0 % of a CPU, cron 30.1 %"; the busiest first, three at most; empty of nobody.
std::string in_kernel_between(const Evidence& evidence, Timestamp from, Timestamp to);

}  // namespace fdr

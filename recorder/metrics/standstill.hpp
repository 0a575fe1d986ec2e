// host.standstill and host.standstill.cpus: for how long CPUs gave no clock tick although they were busy (window/canary.h), in the last
// second or two. The canary of each CPU: with recorder.lateness it tells a host that stood still, one CPU that did, and programs
// that merely were not run from a sender that fell silent by itself. Session thread only.
#pragma once

#include <optional>
#include <span>

#include "recorder/window/canary.h"
#include "triggers/metric_history.hpp"

namespace fdr {

class Standstill {
 public:
  // That a CPU has to be without a tick to count in host.standstill.cpus.
  static constexpr Duration kCounts = std::chrono::milliseconds(100);

  // `period`: of the clock.
  Standstill(const MetricCatalogue& catalogue, Duration period) : longest_(catalogue.find("host.standstill")), cpus_(catalogue.find("host.standstill.cpus")), period_(period) {}
  // `canaries`: of all slots.
  void read(std::span<const fdr_canary> canaries, Timestamp now, std::span<double> row) const;

 private:
  std::optional<MetricId> longest_, cpus_;
  Duration period_;
};

}  // namespace fdr

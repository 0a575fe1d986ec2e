// Processes outside all targets, as rows of a bundle: those that ended in the window, and those that live and matter.
//
// Pure: given records and what /proc said. Who matters of the living: who began within the window, who was found running by the clock in
// it, and their parents. Bounded by kMost, the newest first. Dumper thread.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "formats/timeline.hpp"
#include "recorder/targets/process_identity.hpp"
#include "recorder/window/wire.h"

namespace fdr {

class Bystanders {
 public:
  static constexpr std::size_t kMost = 10'000;

  // A record of the ring; false where it cannot be one.
  bool ended(std::span<const std::uint8_t> record);
  // Adds the rows to `processes`: which has the targets' already, by pid.
  void finish(const std::vector<LivingProcess>& living, const std::vector<std::pair<std::uint32_t, fdr_ticks>>& ticks, Timestamp begin,
              const ClockAnchor& clock, std::vector<Process>& processes) const;

 private:
  std::vector<fdr_bystander> ended_;
};

}  // namespace fdr

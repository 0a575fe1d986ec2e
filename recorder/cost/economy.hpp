// Keeps a recording to what it may cost: measures it once a second, asks the policy (cpu_budget.hpp), makes the programs spare what it says,
// and remembers from when to when, for bundles. Without `max_cpu` nothing is measured and nothing is spared. Session thread.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/cost/cpu_budget.hpp"
#include "recorder/cost/program_cost.hpp"

namespace fdr {

// A time with less than the full detail.
struct LoweredDetail {
  std::string what;
  Timestamp begin, end;
};

class Economy {
 public:
  Economy(const Config& config, Timestamp now);

  void ended(const fdr_thread& thread) {
    if (budget_) programs_.ended(thread);
  }
  // Once a tick. `dumping`: a bundle is being made, whose cost is not the recording's. What was changed, in words, where something was.
  std::optional<std::string> advance(const WindowView& window, std::span<const std::uint32_t> live, bool dumping, Timestamp now);

  const Detail& detail() const { return budget_ ? budget_->detail() : full_; }
  // Null without `max_cpu`.
  const CpuBudget* budget() const { return budget_ ? &*budget_ : nullptr; }
  // What was left out in [begin, now].
  std::vector<LoweredDetail> lowered(Timestamp begin, Timestamp now) const;
  bool spares_calls() const { return full_.calls && !detail().calls; }

 private:
  void note(Timestamp now);

  Detail full_;
  Duration memory_;  // how long a spell is remembered
  std::optional<CpuBudget> budget_;
  ProgramCost programs_;
  Timestamp last_{};
  double own_s_ = 0;
  std::deque<LoweredDetail> spells_;  // the last may go on: its end is Timestamp::max()
};

// For the losses of a bundle.
std::vector<std::string> lowered_texts(const std::vector<LoweredDetail>& lowered, double max_cpu_percent);

}  // namespace fdr

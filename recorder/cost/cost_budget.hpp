// What a source of metrics may cost: a share of one CPU, saved up while it is not spent. A source
// that costs more than its share is read less often, by as much as it costs more, and never so that it stops. Cost is CPU
// time of the reading thread: on a full host the wall time of a reading says how full it is. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "formats/clock.hpp"

namespace fdr {

// What readings of one source have cost so far, and the share of a CPU that they may.
struct ReadingCost {
  double share = 0;
  std::uint64_t readings = 0;
  Duration total{};
};

class CostBudget {
 public:
  // `most_pause_s`: no single reading, however dear, silences the source for longer.
  explicit CostBudget(double share, double most_pause_s = 5) : share_(share), most_pause_s_(most_pause_s), balance_s_(share * kSavedSeconds) {}

  // Once a tick, before may_spend().
  void advance(Timestamp now) {
    if (last_ != Timestamp{}) balance_s_ = std::min(balance_s_ + share_ * to_seconds(now - last_), share_ * kSavedSeconds);
    last_ = now;
  }
  // Whether anything is left, `spending` being under way and not yet told to spent().
  bool may_spend(Duration spending = {}) const { return balance_s_ > to_seconds(spending); }
  void spent(Duration cost) {
    // One reading that was held up (a busy CPU, a lock) must not silence the source for minutes.
    balance_s_ = std::max(balance_s_ - to_seconds(cost), -share_ * most_pause_s_);
    total_ += cost;
    ++readings_;
  }

  std::uint64_t readings() const { return readings_; }
  ReadingCost cost() const { return {share_, readings_, total_}; }

 private:
  static constexpr double kSavedSeconds = 5;
  double share_, most_pause_s_, balance_s_;
  Timestamp last_{};
  Duration total_{};
  std::uint64_t readings_ = 0;
};

}  // namespace fdr

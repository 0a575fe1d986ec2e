// Changes of running totals over a sliding second. /proc counts CPU time in ticks of 10 ms: read each 100 ms a steady
// 20 % swings between 10 and 30, over a second between 18 and 21. Pure; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>

#include "formats/clock.hpp"

namespace fdr {

// N totals; over `kSpanMs`, a little less than the seconds that are meant.
template <std::size_t N, int kSpanMs = 950>
class SlidingSecond {
 public:
  struct Change {
    double seconds = 0;  // about one; more where ticks were late
    std::array<double, N> amount{};
  };

  // The change since the newest totals that are a second old; nothing until there are such.
  std::optional<Change> push(Timestamp now, const std::array<double, N>& totals) {
    while (samples_.size() > 1 && now - samples_[1].time >= kAlmostASecond) samples_.pop_front();
    if (samples_.size() == kMaxSamples) samples_.pop_front();
    samples_.push_back({now, totals});
    const Sample& base = samples_.front();
    if (now - base.time < kAlmostASecond) return std::nullopt;
    Change change;
    change.seconds = to_seconds(now - base.time);
    for (std::size_t i = 0; i < N; ++i) change.amount[i] = totals[i] - base.totals[i];
    return change;
  }

  void clear() { samples_.clear(); }

 private:
  struct Sample {
    Timestamp time;
    std::array<double, N> totals;
  };
  static constexpr Duration kAlmostASecond =
      std::chrono::milliseconds(kSpanMs);          // a tick that is early must not cost a whole step
  static constexpr std::size_t kMaxSamples = 256;  // a second of the shortest tick, and some

  std::deque<Sample> samples_;
};

}  // namespace fdr

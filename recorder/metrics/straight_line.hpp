// A counter that is learnt once in a while, given out at every tick: it rises in a straight line over the time after it was learnt, as long
// as that which it counts. In one step its rate would be ten times the truth at one tick and nothing at the other nine.
//
// Late by one look, and exact in every sum. Pure; one thread.
#pragma once

#include <algorithm>

#include "formats/clock.hpp"

namespace fdr {

class StraightLine {
 public:
  // What it was at `at`; later than the one before. Nothing rises before the second.
  void learn(Timestamp at, double value) {
    from_ = begin_ == Timestamp{} ? value : this->at(at);
    over_ = begin_ == Timestamp{} ? Duration{} : at - begin_;
    to_ = value;
    begin_ = at;
  }
  double at(Timestamp now) const {
    const double share = over_ > Duration{} ? std::clamp(to_seconds(now - begin_) / to_seconds(over_), 0.0, 1.0) : 1.0;
    return from_ + share * (to_ - from_);
  }

 private:
  Timestamp begin_{};
  Duration over_{};
  double from_ = 0, to_ = 0;
};

}  // namespace fdr

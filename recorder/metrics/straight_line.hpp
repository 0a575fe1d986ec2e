// A counter that is learnt once in a while, given out at every tick: it rises in a straight line over the time after it was learnt, as long
// as that which it counts. In one step its rate would be ten times the truth at one tick and nothing at the other nine.
//
// Late by one look, and exact in every sum. Unknown (NaN) before the first look, and from one that found nothing to the next that did. Pure; one
// thread.
#pragma once

#include <algorithm>
#include <limits>

#include "formats/clock.hpp"

namespace fdr {

class StraightLine {
 public:
  // What it was at `at`; later than the one before. Nothing rises before the second, nor where it was or is unknown, nor where it fell: it began
  // again.
  void learn(Timestamp at, double value) {
    const double shown = this->at(at);
    const bool goes_on = shown <= value;
    from_ = goes_on ? shown : value;
    over_ = goes_on ? at - begin_ : Duration{};
    to_ = value;
    begin_ = at;
  }
  // What it is, of somebody who looks all the time: shown at once.
  void follow(Timestamp at, double value) {
    from_ = to_ = value;
    over_ = Duration{};
    begin_ = at;
  }
  double at(Timestamp now) const {
    const double share = over_ > Duration{} ? std::clamp(to_seconds(now - begin_) / to_seconds(over_), 0.0, 1.0) : 1.0;
    return from_ + share * (to_ - from_);
  }

 private:
  Timestamp begin_{};
  Duration over_{};
  double from_ = std::numeric_limits<double>::quiet_NaN(), to_ = from_;
};

}  // namespace fdr

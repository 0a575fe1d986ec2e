#include "recorder/baselines/baseline_schedule.hpp"


#include <algorithm>

#include "formats/text.hpp"

namespace fdr {

BaselineSchedule::Due BaselineSchedule::due(std::string kind, std::string note, Timestamp end) const {
  return {std::move(kind), std::move(note), std::max(*calm_since_, end - span_), end};
}

bool BaselineSchedule::mark(const std::string& text, Timestamp now) {
  if (!calm_since_ || now - *calm_since_ < kLeast || marks_.size() == kMostWaiting) return false;
  marks_.push_back(due("mark", "before the mark '" + printable(text) + "'", now));
  return true;
}

std::optional<BaselineSchedule::Due> BaselineSchedule::advance(bool calm, bool busy, Timestamp now) {
  if (!calm) {
    calm_since_.reset();
    marks_.clear();  // what led here may be in them
    return std::nullopt;
  }
  if (!calm_since_) calm_since_ = now;
  if (busy) return std::nullopt;
  if (!marks_.empty()) {
    Due next = std::move(marks_.front());
    marks_.pop_front();
    return next;
  }
  if (now - *calm_since_ < span_) return std::nullopt;
  if (!last_) {
    last_ = now;
    return due("start", "the first calm time after the recorder had begun", now);
  }
  if (now - *last_ < (settled_ ? every_ : every_ / 12)) return std::nullopt;
  last_ = now;
  settled_ = true;
  return due("regular", "nothing was wrong", now);
}

}  // namespace fdr

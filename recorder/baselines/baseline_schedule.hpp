// When a baseline is cut: once the recorder has been calm for a whole slice, each `every` from then on (the first one after a twelfth of it:
// what a program does in its first seconds is not what it does for hours), and at a mark, of the time before it. Never of a time in
// which a rule held or a bundle was being made. Pure: time is an argument; session thread.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "formats/clock.hpp"

namespace fdr {

class BaselineSchedule {
 public:
  static constexpr Duration kLeast = std::chrono::seconds(2);  // less of it proves nothing
  static constexpr std::size_t kMostWaiting = 4;

  BaselineSchedule(Duration every, Duration span) : every_(every), span_(span) {}

  struct Due {
    std::string kind, note;  // why, for people
    Timestamp begin, end;
  };
  // At an operator's mark. False where what was before it is not calm, or not for long enough.
  bool mark(const std::string& text, Timestamp now);
  // Once a tick. Nothing is due while one is being cut (`busy`): it is then.
  std::optional<Due> advance(bool calm, bool busy, Timestamp now);

 private:
  Due due(std::string kind, std::string note, Timestamp end) const;

  Duration every_, span_;
  std::optional<Timestamp> calm_since_, last_;
  bool settled_ = false;
  std::deque<Due> marks_;
};

}  // namespace fdr

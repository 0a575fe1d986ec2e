// What recording may cost (`max_cpu`), and which detail goes when it costs more: a step each time, and back again when there is room. Pure:
// spendings are given once a second, time is an argument.
//
// Two kinds of cost, each with the detail that lowers it: the recorder's own CPU goes with its ticks (metrics, /proc, the life ring), which come
// every 100 ms as configured, then 200 ms, 500 ms, 1 s; that of its programs with the calls of the targets, whose sums, single, slow and
// failed calls are left out. The dearer kind gives way first, the last to go comes back first. Fewer clock samples are no step: at 99 Hz
// they take 0.04 % of a CPU. Session thread.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "formats/clock.hpp"

namespace fdr {

// Percent of one CPU, over the last second.
struct Spending {
  double own = 0;       // the recorder's threads
  double programs = 0;  // what its programs take on all CPUs, estimated
  double all() const { return own + programs; }
};

struct Detail {
  Duration every{};   // between ticks
  bool calls = true;
  bool operator==(const Detail&) const = default;
};

class CpuBudget {
 public:
  static constexpr Duration kSettle = std::chrono::seconds(5);      // a step is judged by the seconds after it
  static constexpr Duration kPatience = std::chrono::seconds(30);   // so long it must have had room before detail comes back
  static constexpr Duration kMostPatience = std::chrono::minutes(10);
  static constexpr double kRoom = 0.6;                              // of the budget

  // `full`: what the configuration asks for.
  CpuBudget(double max_percent, const Detail& full, Timestamp now);

  // Once a second. What was changed, in words, where something was.
  std::optional<std::string> advance(const Spending& spent, Timestamp now);
  // What was spent up to now belongs to something else (a dump): it is not held against recording.
  void pause(Timestamp now);

  const Detail& detail() const { return detail_; }
  bool lowered() const { return !before_.empty(); }
  Spending mean() const;
  double most() const { return most_; }
  // Nothing is left to be lowered, and it costs more all the same.
  bool exhausted() const { return exhausted_; }

 private:
  std::optional<std::string> lower(Timestamp now);
  std::string raise(Timestamp now);
  std::optional<Duration> longer_tick() const;

  double most_;
  Detail detail_;
  std::vector<Detail> before_;   // each step, as it was before it
  std::deque<Spending> spent_;   // since the last step, the last kSettle of it
  Timestamp settled_;            // judged from here on
  Timestamp room_since_{};       // there has been room all the time since; the epoch: there is none
  Timestamp raised_{};
  Duration patience_ = kPatience;
  bool exhausted_ = false;
};

// "ticks each 500 ms, no system calls".
std::string detail_text(const Detail& detail);

}  // namespace fdr

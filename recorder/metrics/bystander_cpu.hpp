// CPU time of programs outside all targets, from the clock ticks that found them running: a metric each for the busiest.
//
// Read once a second. Processes of one name are one program; followed is who was among the kMostNew busiest of a second with kLeast_percent
// of a CPU or more, for a span. Names come from other users: what is no letter, digit or one of ".-_:/@+" becomes "_" in a metric's name.
// These metrics are in bundles, not in the catalogue: a rule cannot speak of a program that nobody named. Session thread.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "formats/timeline.hpp"
#include "recorder/window/wire.h"

namespace fdr {

class BystanderCpu {
 public:
  static constexpr std::size_t kMostNew = 8, kMost = 64;
  static constexpr double kLeast_percent = 5;

  BystanderCpu(Duration span, Duration tick) : span_(span), tick_(tick) {}
  bool due(Timestamp now) const { return now - last_ >= std::chrono::seconds(1); }
  void read(const std::vector<std::pair<std::uint32_t, fdr_ticks>>& ticks, Timestamp now);
  // "bystander[NAME].cpu.total" and ".system", in percent of one CPU, of the second before each point.
  std::vector<MetricSeries> series(Timestamp begin) const;

 private:
  struct Ticks {
    std::uint64_t all = 0, system = 0;
  };
  struct Point {
    Timestamp time;
    double total = 0, system = 0;
  };
  struct Program {
    std::deque<Point> points;
    Timestamp last_busy;
  };
  double percent(std::uint64_t ticks, Duration interval) const;

  Duration span_, tick_;
  Timestamp last_{};
  std::map<std::pair<std::uint32_t, std::uint64_t>, Ticks> before_;  // by tgid and start
  std::map<std::string, Program> programs_;
};

}  // namespace fdr

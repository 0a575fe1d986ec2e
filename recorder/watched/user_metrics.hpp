// The user's own numbers ([[metric]]) from commands, HTTP endpoints and files; those of logs are the LogFollower's.
//
// Each reading has a thread of its own and a deadline, so none makes a tick wait; the next begins when it has ended. A gauge holds
// until the next reading, a counter rises from one to the next in a straight line (straight_line.hpp); after a reading that failed it is unknown,
// with the reason. One that hangs in the kernel beyond its deadline is left behind with what it needs, its value unknown. Session thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/clock.hpp"
#include "recorder/config/user_metric_config.hpp"
#include "recorder/metrics/straight_line.hpp"

namespace fdr {

struct NumberRead {
  std::optional<double> value;
  std::string note;  // why there is none, or what it is made of: "the sum of 3 series"
};

// One reading, now: blocks for the timeout and a little more at most. `cancel`: a descriptor that is readable when it is to end at
// once, or -1.
NumberRead read_number(const UserMetricConfig& metric, int cancel);
// The number in what a command, a file or an endpoint gave. Pure.
NumberRead number_in(const UserMetricConfig& metric, const std::string& text);

class UserMetrics {
 public:
  explicit UserMetrics(std::vector<UserMetricConfig> metrics);
  ~UserMetrics();  // ends what still runs, and does not wait for it
  UserMetrics(const UserMetrics&) = delete;

  // Starts what is due and takes what has ended. Once a tick.
  void advance(Timestamp now);
  // Of each, in the order of the configuration; NaN while unknown.
  const std::vector<double>& values() const { return values_; }
  // Beside them: why unknown, or what it is made of.
  const std::vector<std::string>& notes() const { return notes_; }
  const std::vector<UserMetricConfig>& configs() const { return metrics_; }

 private:
  struct Reading;
  void start(std::size_t i, Timestamp now);
  void learn(std::size_t i, double value, Timestamp now);

  std::vector<UserMetricConfig> metrics_;
  std::vector<double> values_;
  std::vector<StraightLine> lines_;  // of counters
  std::vector<std::string> notes_;
  std::vector<std::shared_ptr<Reading>> running_;
  std::vector<Timestamp> next_;
};

}  // namespace fdr

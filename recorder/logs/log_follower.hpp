// Follows the user's logs ([[log]]), all of them on one thread at low priority, which looks five times a second and takes at most
// 256 KB of each log at a look. What it keeps in memory is bounded, counted in what --memory allows, and becomes logs.ndjson.
//
// Lines have the time at which they were read, a fifth of a second late at most where nothing waits. A thread that hangs in a file
// system is left behind with what it needs; its logs are unknown from then on. Everything here belongs to the session's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "recorder/config/log_config.hpp"
#include "recorder/config/user_metric_config.hpp"
#include "recorder/logs/kept_lines.hpp"

namespace fdr {

// What one log holds at a moment, for a bundle and for `fdr status`.
struct LogCopy {
  std::string name, place;
  std::vector<LogLine> lines;
  Timestamp since{};           // nothing after this was pushed out of the memory for it
  std::uint64_t all = 0;       // lines read since the recorder started
  std::uint64_t counted = 0;   // of these, those that match the pattern
  std::uint64_t cut = 0;       // lines of more than 4 KB
  std::uint64_t kept_bytes = 0;
  std::string problem, skipped;  // why nothing comes; what was passed over; empty: nothing
};

// What all logs together may keep: 1 MB each, at most a sixteenth of the memory and 8 MB.
std::uint64_t log_bytes(std::size_t logs, std::uint64_t memory);

class LogFollower {
 public:
  // `metrics`: those with a `log` are looked after here.
  LogFollower(const std::vector<LogConfig>& logs, const std::vector<UserMetricConfig>& metrics, std::uint64_t bytes);
  ~LogFollower();  // waits for the thread, two seconds at most
  LogFollower(const LogFollower&) = delete;

  // Lines that count, of each log, in the order of the configuration; NaN while it cannot be read.
  std::vector<double> counts() const;
  // The last number that a line of its log gave, of each metric in the order of the configuration; NaN before, and for the metrics of
  // other kinds.
  std::vector<double> numbers() const;
  // With the lines from `begin` on.
  std::vector<LogCopy> copy(Timestamp begin) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace fdr

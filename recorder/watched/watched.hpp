// What a session watches and tells beside its targets: the user's logs, metrics and notifications, and what `fdr status` says of
// them. Session thread only.
#pragma once

#include <vector>

#include "formats/json_writer.hpp"
#include "recorder/config/config.hpp"
#include "recorder/logs/log_follower.hpp"
#include "recorder/watched/notifier.hpp"
#include "recorder/watched/user_metrics.hpp"

namespace fdr {

// Values of the user's logs and metrics, each in the order of the configuration.
struct WatchedValues {
  std::vector<double> log_counts, metrics;
};

class Watched {
 public:
  // `memory`: what --memory allows for everything.
  Watched(const Config& config, std::uint64_t memory);

  // Starts readings that are due and gives the newest values. Once a tick.
  WatchedValues values(Timestamp now);
  const LogFollower& logs() const { return logs_; }
  Notifier& notifier() { return notifier_; }

  // "logs": [...], "metrics": [...], "notify": [...]: the contract of the keys is in watched.cpp, beside the values.
  void write_status(JsonWriter& json) const;

 private:
  LogFollower logs_;
  UserMetrics metrics_;
  Notifier notifier_;
};

}  // namespace fdr

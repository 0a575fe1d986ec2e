// Heartbeats: who beats, how often, and how long ago. Pure; the socket is the recorder's (recorder/beat_socket.hpp).
//
// beat.NAME.age (seconds) = max(now - last beat, longest gap closed since the last tick): a gap between two ticks is
// not lost (recording-rules 26). Unknown before the first beat: a service that has not started is not late.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "triggers/engine.hpp"

namespace fdr {

struct HeartbeatConfig {
  std::string name;
  Duration every = std::chrono::seconds(1);
  int misses = 3;
  std::string where;
};

class Heartbeats {
 public:
  explicit Heartbeats(const std::vector<HeartbeatConfig>& configs);

  // `time` is when the kernel received it. False where no heartbeat has that name.
  bool beat(std::string_view name, Timestamp time);
  // Age at this tick, NaN before the first beat; closes the gaps seen so far. In the order of the configs.
  std::vector<double> ages(Timestamp now);

 private:
  struct State {
    std::string name;
    Timestamp last{};
    Duration longest_gap{};
    bool beaten = false;
  };
  std::vector<State> states_;
};

// The rule that a heartbeat implies: "beat.NAME.age > every * misses".
RuleConfig heartbeat_rule(const HeartbeatConfig& config);

}  // namespace fdr

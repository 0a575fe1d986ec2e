#include "triggers/heartbeat.hpp"

#include <algorithm>
#include <limits>

namespace fdr {

Heartbeats::Heartbeats(const std::vector<HeartbeatConfig>& configs) {
  states_.reserve(configs.size());
  for (const HeartbeatConfig& config : configs) states_.push_back({config.name, {}, {}, false});
}

bool Heartbeats::beat(std::string_view name, Timestamp time) {
  const auto state = std::find_if(states_.begin(), states_.end(), [&](const State& s) { return s.name == name; });
  if (state == states_.end()) return false;
  if (state->beaten) state->longest_gap = std::max(state->longest_gap, time - state->last);
  // Two senders' datagrams may be drained out of order: the newest counts.
  state->last = state->beaten ? std::max(state->last, time) : time;
  state->beaten = true;
  return true;
}

std::vector<double> Heartbeats::ages(Timestamp now) {
  std::vector<double> ages;
  ages.reserve(states_.size());
  for (State& state : states_) {
    // A beat received after `now` was taken is of this moment, not of the future.
    const Duration age = std::max({now - state.last, state.longest_gap, Duration::zero()});
    ages.push_back(state.beaten ? to_seconds(age) : std::numeric_limits<double>::quiet_NaN());
    state.longest_gap = Duration::zero();
  }
  return ages;
}

RuleConfig heartbeat_rule(const HeartbeatConfig& config) {
  RuleConfig rule;
  rule.name = config.name;
  rule.when = "beat." + config.name + ".age > " + duration_literal(config.every * config.misses);
  rule.where = config.where;
  return rule;
}

}  // namespace fdr

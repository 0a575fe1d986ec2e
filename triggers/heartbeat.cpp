#include "triggers/heartbeat.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fdr {

Heartbeats::Heartbeats(const std::vector<HeartbeatConfig>& configs) {
  states_.reserve(configs.size());
  for (const HeartbeatConfig& config : configs) states_.push_back({config.name, {}});
}

bool Heartbeats::beat(std::string_view name, Timestamp time, const std::string& peer) {
  const auto state = std::find_if(states_.begin(), states_.end(), [&](const State& s) { return s.name == name; });
  if (state == states_.end()) return false;
  if (state->senders.size() >= kMostPeers && !state->senders.contains(peer)) return false;
  const auto [entry, first] = state->senders.try_emplace(peer, Sender{time, {}});
  if (first) return true;
  Sender& sender = entry->second;
  sender.longest_gap = std::max(sender.longest_gap, time - sender.last);
  // Two senders' datagrams may be drained out of order: the newest counts.
  sender.last = std::max(sender.last, time);
  return true;
}

void Heartbeats::forget(std::string_view name) {
  for (State& state : states_)
    if (state.name == name) state.senders.clear();
}

std::vector<double> Heartbeats::ages(Timestamp now) {
  std::vector<double> ages;
  ages.reserve(states_.size());
  peer_ages_.clear();
  for (State& state : states_) {
    double worst = std::numeric_limits<double>::quiet_NaN();
    for (auto& [peer, sender] : state.senders) {
      // A beat received after `now` was taken is of this moment, not of the future.
      const double age = to_seconds(std::max({now - sender.last, sender.longest_gap, Duration::zero()}));
      sender.longest_gap = Duration::zero();
      if (!peer.empty()) peer_ages_.push_back({state.name, peer, age});
      worst = std::isnan(worst) ? age : std::max(worst, age);
    }
    ages.push_back(worst);
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

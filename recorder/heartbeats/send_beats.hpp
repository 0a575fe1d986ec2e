// Heartbeats made of a target's own sends (`from = "send"`): what the programs noted of successful sends becomes beats.
//
// Given the whole account each tick; an entry whose count moved is one beat, at the time of its last send: two within a tick are one. Peers
// are written as "127.0.0.1:3784" and "[fe80::1]:3784". An address comes from a target, hence only its figures are used. Session thread.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "recorder/targets/process_table.hpp"
#include "triggers/heartbeat.hpp"

namespace fdr {

std::string peer_text(const fdr_send_key& key);

class SendBeats {
 public:
  explicit SendBeats(const std::vector<HeartbeatConfig>& heartbeats);
  bool wanted() const { return !heartbeats_.empty(); }
  void advance(const std::vector<std::pair<fdr_send_key, fdr_send>>& sends, const ProcessTable& processes, Heartbeats& beats);

 private:
  std::vector<HeartbeatConfig> heartbeats_;
  std::unordered_map<std::string, std::uint64_t> last_;  // by the key's bytes
};

}  // namespace fdr

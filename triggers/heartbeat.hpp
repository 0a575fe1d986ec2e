// Heartbeats: who beats, how often, and how long ago. Pure; the socket is the recorder's (recorder/heartbeats/beat_socket.hpp).
//
// beat.NAME.age (seconds) = max(now - last beat, longest gap closed since the last tick): a gap between two ticks is
// not lost. Unknown before the first beat: a service that has not started is not late. Beats may say
// whose they are (the peers of `by = "peer"`): then each has an age of its own, and the heartbeat's is that of the worst.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/engine.hpp"

namespace fdr {

enum class BeatSource {
  kBeat,     // whoever must be alive says so: `fdr beat`
  kHttp,     // a GET of `url` is answered with a status of 200 to 399
  kTcp,      // `host`:`port` accepts a connection
  kMtime,    // the file `path` is written
  kCommand,  // `command` ends with 0
  kUdp,      // a datagram comes to `host`:`port`
  kNotify,   // the wrapped command tells systemd's watchdog so (WATCHDOG=1)
  kSend,     // a target (`comm`) sends to a peer, at `port` where that is not 0
};

struct HeartbeatConfig {
  std::string name;
  Duration every = std::chrono::seconds(1);
  int misses = 3;
  std::string where;
  BeatSource from = BeatSource::kBeat;
  std::string url = {};
  std::string host = "127.0.0.1";
  int port = 0;
  std::string path = {};
  std::vector<std::string> command = {};
  Duration timeout = std::chrono::seconds(1);  // of one http, tcp or command probe
  std::string comm = {};                       // send: of the process, or the target's name; empty: any target
  bool by_peer = false;                        // send
};

class Heartbeats {
 public:
  static constexpr std::size_t kMostPeers = 64;  // of one heartbeat; further ones are not looked at

  struct PeerAge {
    std::string name, peer;
    double age = 0;  // seconds
  };

  explicit Heartbeats(const std::vector<HeartbeatConfig>& configs);

  // `time` is when the kernel received it. False where no heartbeat has that name.
  bool beat(std::string_view name, Timestamp time, const std::string& peer = {});
  // As before its first beat: it is not due until the next one.
  void forget(std::string_view name);
  // Age at this tick, of the worst peer; NaN before the first beat; closes the gaps seen so far. In the order of the configs.
  std::vector<double> ages(Timestamp now);
  // Of all peers that have names, at the last ages().
  const std::vector<PeerAge>& peer_ages() const { return peer_ages_; }

 private:
  struct Sender {
    Timestamp last{};
    Duration longest_gap{};
  };
  struct State {
    std::string name;
    std::map<std::string, Sender> senders;  // by peer, "" where beats do not say
  };
  std::vector<State> states_;
  std::vector<PeerAge> peer_ages_;
};

// The rule that a heartbeat implies: "beat.NAME.age > every * misses".
RuleConfig heartbeat_rule(const HeartbeatConfig& config);

}  // namespace fdr

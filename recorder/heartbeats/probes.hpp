// Heartbeats that the recorder looks after itself: HTTP and TCP probes, a file's mtime, a command, UDP datagrams.
//
// advance() starts what is due and takes what has come, and never waits: sockets do not block, commands have a thread of
// their own. A probe that still runs when the next is due makes that one wait. Session thread.
#pragma once

#include <memory>
#include <vector>

#include "triggers/heartbeat.hpp"

namespace fdr {

class Probe {
 public:
  virtual ~Probe() = default;
  // Times of the beats that were seen since the last call.
  virtual std::vector<Timestamp> advance(Timestamp now) = 0;
};

class Probes {
 public:
  // Throws Error where a UDP port cannot be had.
  explicit Probes(const std::vector<HeartbeatConfig>& heartbeats);
  void advance(Timestamp now, Heartbeats& beats);

 private:
  struct Named {
    std::string name;
    std::unique_ptr<Probe> probe;
  };
  std::vector<Named> probes_;
};

}  // namespace fdr

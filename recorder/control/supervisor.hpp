// Those who watch over a service, seen from both sides: systemd, which is told how we are, and, in `run` with a heartbeat from "notify", the
// wrapped command, for which we stand in systemd's place.
//
// attach and once speak for themselves. `run` is silent but for that heartbeat: then the command has our socket for its NOTIFY_SOCKET,
// and what it says is passed on to the one that we were given; systemd's main process stays ours, since we end as the command ends.
// Who may speak there: root, and the processes of the recording. Never blocks a sender for longer than it takes us to wake.
// Session thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "recorder/control/service_manager.hpp"
#include "recorder/heartbeats/notify_watch.hpp"

namespace fdr {

class Supervisor {
 public:
  // `socket`: the path of ours. Throws Error where it is wanted and cannot be had.
  Supervisor(const std::string& mode, const std::vector<HeartbeatConfig>& heartbeats, const std::string& socket);

  // What the command's environment must have: "NAME=VALUE", and "NAME" alone of what must not be in it.
  std::vector<std::string> command_environment() const;
  // Readable when the command has said something; -1 where it cannot, or has said too much since the last tick.
  int descriptor() const { return heard_ < kMostWakes ? socket_.get() : -1; }

  // Takes what has come. `ours`: whether a pid is one of the recording's processes.
  void hear(Heartbeats& beats, const std::function<bool(pid_t)>& ours);
  // Once a tick, after hear(): that we are alive, where it is on us to say so.
  void tick(Timestamp now, Heartbeats& beats, bool command_ended);

  // Of ourselves.
  void armed(const std::string& status) { own("READY=1\nSTATUS=" + status); }
  void reloading(Timestamp now);
  void says(const std::string& status) { own("STATUS=" + status); }
  void stopping() { own("STOPPING=1"); }

 private:
  static constexpr int kMostWakes = 20;  // between two ticks
  void own(const std::string& lines);

  ServiceManager manager_;
  NotifyWatch watch_;
  bool for_ourselves_;
  std::string path_;
  FileDescriptor socket_;
  int heard_ = 0;
};

}  // namespace fdr

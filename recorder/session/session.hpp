// The recorder's one loop: a tick each `every`, signals, the control socket, heartbeats, and dumps in their two stages.
//
// Between ticks it sleeps. It owns everything but the dumper's thread. Used by `run`, `attach` and `once` alike: what differs is who the
// targets are and which signals are passed on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/error.hpp"
#include "recorder/config/config.hpp"
#include "recorder/system/child.hpp"

namespace fdr {

struct SessionOptions {
  Config config;
  std::string mode;                    // "run", "attach" or "once", for the manifest
  std::vector<std::string> command;    // `run`
  bool quiet = false;
  // What SIGHUP asks for: the configuration read anew, flags over it. Throws Error. Not set: SIGHUP ends `attach`.
  std::function<Config()> reload = {};
  // once: it ends when its first bundle is written, or when so long nothing fired. No second bundle, of whatever.
  std::optional<Duration> at_most = {};
};

// What a session comes to.
struct SessionEnd {
  std::size_t bundles = 0;
  std::string bundle = {};  // path of the last one
  bool failed = false;      // to write one
};

// Who is meant is not there.
struct NoTarget : Error {
  using Error::Error;
};

class Session {
 public:
  // Takes the run directory, loads, attaches. Throws Error; nothing is recorded yet.
  explicit Session(SessionOptions options);
  ~Session();
  Session(const Session&) = delete;

  const std::string& name() const;
  // attach: the processes that the configuration's targets mean now. Throws NoTarget when there are none.
  void add_matching_targets();
  // run: the child that waits to execve COMMAND; release() is called when the window is armed.
  void add_child(Child& child);  // outlives this

  // run: what the command's environment must have; for Child::release.
  std::vector<std::string> command_environment() const;

  // Until the targets are gone or a signal says stop. `on_armed` is called when everything is ready.
  SessionEnd loop(const std::function<void()>& on_armed);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

// What we tell systemd of ourselves, where it started us: sd_notify(3), sd_watchdog_enabled(3).
//
// One datagram to the socket that NOTIFY_SOCKET names, lines of KEY=VALUE: written here, since libsystemd has no static library, and this is
// all of the protocol. Never blocks; what systemd does not take at once is lost, and it is none the worse off for it. Without
// NOTIFY_SOCKET every call does nothing. Session thread.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "formats/clock.hpp"
#include "formats/file_descriptor.hpp"

namespace fdr {

class ServiceManager {
 public:
  // From the environment of this process.
  ServiceManager();
  // For tests, and for whoever knows: a path, or an abstract address with '@'. Empty: there is none.
  ServiceManager(std::string address, std::optional<Duration> watchdog);

  bool present() const { return socket_.valid(); }
  // What systemd waits for at most between two WATCHDOG=1 (WatchdogSec), where it watches us.
  const std::optional<Duration>& watchdog() const { return watchdog_; }

  // Lines, without the last newline. `descriptors` stay the caller's. Whether it was taken.
  bool tell(const std::string& lines, std::span<const int> descriptors = {});
  // WATCHDOG=1, when half of the time is over since the last one. To be called from what must go on: the tick.
  void alive(Timestamp now);

 private:
  std::string address_;
  std::optional<Duration> watchdog_;
  FileDescriptor socket_;
  std::optional<Timestamp> told_;
};

}  // namespace fdr

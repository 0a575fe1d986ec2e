// Beats of a service that speaks to systemd's watchdog: what its messages mean for a heartbeat, and what of them is passed on (sd_notify(3)).
//
// A beat is WATCHDOG=1, and READY=1 is the first; before that nothing is late. Nothing is late either from RELOADING=1 to the READY=1
// after it, for as long as EXTEND_TIMEOUT_USEC asks, and from STOPPING=1 to the end. WATCHDOG=trigger is late at once. Pure; the sender
// may be anyone who has got past the socket's check, so the text is read as hostile.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/heartbeat.hpp"

namespace fdr {

struct NotifyMessage {
  bool ready = false, watchdog = false, hung = false, reloading = false, stopping = false, barrier = false;
  std::optional<Duration> extend{};
};
NotifyMessage parse_notify(std::string_view text);
// What is passed on to systemd: that message, but that the main process stays `main_pid`, and without barriers, which we answer.
// Empty: nothing.
std::string passed_on(std::string_view text, std::int32_t main_pid);

class NotifyWatch {
 public:
  explicit NotifyWatch(const std::vector<HeartbeatConfig>& heartbeats);
  bool wanted() const { return !beats_.empty(); }
  // WATCHDOG_USEC for the command: it beats at half of that, which is the shortest `every`.
  Duration interval(std::optional<Duration> of_systemd) const;

  void took(const NotifyMessage& message, Timestamp time, Heartbeats& beats);
  // An extension that is over: beats are due again.
  void advance(Timestamp now, Heartbeats& beats);

 private:
  struct Watched {
    std::string name;
    Duration every, deadline;
  };
  std::vector<Watched> beats_;
  enum class Phase { kRunning, kReloading, kStopping } phase_ = Phase::kRunning;
  std::optional<Timestamp> extended_until_;
};

// Where systemd itself would abort after `watchdog`, heartbeats from notify are to fire at three quarters of it at the latest. Whether any had to be changed.
bool fire_before(Duration watchdog, std::vector<HeartbeatConfig>& heartbeats);

}  // namespace fdr

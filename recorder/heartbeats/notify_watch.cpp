#include "recorder/heartbeats/notify_watch.hpp"

#include <algorithm>

#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

constexpr Duration kLongestExtension = std::chrono::hours(24);

Duration microseconds(std::int64_t count, Duration most) {
  return count >= std::chrono::duration_cast<std::chrono::microseconds>(most).count() ? most : Duration(std::chrono::microseconds(count));
}

}  // namespace

NotifyMessage parse_notify(std::string_view text) {
  NotifyMessage message;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    message.ready |= line == "READY=1";
    message.watchdog |= line == "WATCHDOG=1";
    message.hung |= line == "WATCHDOG=trigger";
    message.reloading |= line == "RELOADING=1";
    message.stopping |= line == "STOPPING=1";
    message.barrier |= line == "BARRIER=1";
    static constexpr std::string_view extend = "EXTEND_TIMEOUT_USEC=";
    if (!line.starts_with(extend)) continue;
    if (const auto usec = parse_number<std::int64_t>(line.substr(extend.size())); usec && *usec > 0) message.extend = microseconds(*usec, kLongestExtension);
  }
  return message;
}

std::string passed_on(std::string_view text, std::int32_t main_pid) {
  std::string kept;
  bool ready = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty() || line == "BARRIER=1" || line.starts_with("MAINPID=") || line.starts_with("MAINPIDFDID=") || line == "MAINPIDFD=1") continue;
    ready |= line == "READY=1";
    kept.append(line) += '\n';
  }
  if (ready) kept += "MAINPID=" + std::to_string(main_pid) + "\n";
  return kept;
}

NotifyWatch::NotifyWatch(const std::vector<HeartbeatConfig>& heartbeats) {
  for (const HeartbeatConfig& beat : heartbeats)
    if (beat.from == BeatSource::kNotify) beats_.push_back({beat.name, beat.every, beat.every * beat.misses});
}

Duration NotifyWatch::interval(std::optional<Duration> of_systemd) const {
  Duration shortest = of_systemd.value_or(Duration::max());
  for (const Watched& beat : beats_) shortest = std::min(shortest, 2 * beat.every);
  return shortest;
}

void NotifyWatch::took(const NotifyMessage& message, Timestamp time, Heartbeats& beats) {
  if (phase_ == Phase::kStopping) return;
  if (message.ready && phase_ == Phase::kReloading) phase_ = Phase::kRunning;
  if (message.reloading && !message.ready) phase_ = Phase::kReloading;
  if (message.stopping) phase_ = Phase::kStopping;
  if (message.extend) extended_until_ = time + *message.extend;
  const bool nothing_due = phase_ != Phase::kRunning || extended_until_;
  for (const Watched& beat : beats_) {
    if (nothing_due) {
      beats.forget(beat.name);
    } else if (message.hung) {
      beats.forget(beat.name);
      beats.beat(beat.name, time - beat.deadline - std::chrono::milliseconds(1));
    } else if (message.watchdog || message.ready) {
      beats.beat(beat.name, time);
    }
  }
}

void NotifyWatch::advance(Timestamp now, Heartbeats& beats) {
  if (!extended_until_ || now < *extended_until_) return;
  const Timestamp until = *extended_until_;
  extended_until_.reset();
  if (phase_ != Phase::kRunning) return;
  for (const Watched& beat : beats_) beats.beat(beat.name, until);
}

bool fire_before(Duration watchdog, std::vector<HeartbeatConfig>& heartbeats) {
  bool changed = false;
  for (HeartbeatConfig& beat : heartbeats) {
    const Duration latest = watchdog / 4 * 3;
    if (beat.from != BeatSource::kNotify || beat.every * beat.misses <= latest) continue;
    beat.every = std::max<Duration>(std::chrono::duration_cast<std::chrono::milliseconds>(latest / beat.misses), std::chrono::milliseconds(1));
    changed = true;
  }
  return changed;
}

}  // namespace fdr

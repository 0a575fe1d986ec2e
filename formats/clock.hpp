// Time as fdr keeps it: nanoseconds of CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns() and of the perf events (use_clockid).
//
// A Timestamp is never wall time. ClockAnchor ties the clocks together at one moment, so that a reader can name the wall
// time of any Timestamp, and the trace (which is BOOTTIME) can be written. Pure but for the two now() functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace fdr {

using Duration = std::chrono::nanoseconds;

struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

using Timestamp = MonotonicClock::time_point;

constexpr Timestamp from_ns(std::uint64_t ns) { return Timestamp{Duration{static_cast<std::int64_t>(ns)}}; }
constexpr std::int64_t to_ns(Timestamp time) { return time.time_since_epoch().count(); }
constexpr double to_seconds(Duration duration) { return static_cast<double>(duration.count()) * 1e-9; }
constexpr Duration from_seconds(double seconds) { return Duration{static_cast<std::int64_t>(seconds * 1e9)}; }

// The three clocks read as one; `monotonic` is read on both sides of the others and the tightest of three tries is kept.
struct ClockAnchor {
  std::int64_t realtime_ns = 0;
  std::int64_t monotonic_ns = 0;
  std::int64_t boottime_ns = 0;

  static ClockAnchor now() noexcept;
  std::int64_t realtime_of(Timestamp time) const { return realtime_ns + (to_ns(time) - monotonic_ns); }
  std::int64_t boottime_of(Timestamp time) const { return boottime_ns + (to_ns(time) - monotonic_ns); }
  Timestamp monotonic_of_boottime(std::int64_t ns) const { return Timestamp{Duration{ns - boottime_ns + monotonic_ns}}; }
  bool operator==(const ClockAnchor&) const = default;
};

// "2026-03-01T12:41:23.456Z", always UTC. `compact` gives the form of file names, "2026-03-01T12-41-23Z".
std::string utc_text(std::int64_t realtime_ns);
std::string utc_compact(std::int64_t realtime_ns);

// "1.50 s", "12.3 ms", "840 us", "95 ns": three significant digits, for people.
std::string duration_text(Duration duration);

}  // namespace fdr

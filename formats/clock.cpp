#include "formats/clock.hpp"

#include <fmt/format.h>
#include <time.h>

#include <cmath>
#include <cstdlib>

namespace fdr {
namespace {

std::int64_t read_clock(clockid_t id) noexcept {
  timespec now{};
  clock_gettime(id, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::tm utc_fields(std::int64_t realtime_ns) {
  const std::time_t seconds = realtime_ns / 1'000'000'000;
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  return fields;
}

}  // namespace

MonotonicClock::time_point MonotonicClock::now() noexcept { return from_ns(read_clock(CLOCK_MONOTONIC)); }

ClockAnchor ClockAnchor::now() noexcept {
  ClockAnchor best;
  std::int64_t best_width = INT64_MAX;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::int64_t before = read_clock(CLOCK_MONOTONIC);
    const std::int64_t realtime = read_clock(CLOCK_REALTIME);
    const std::int64_t boottime = read_clock(CLOCK_BOOTTIME);
    const std::int64_t after = read_clock(CLOCK_MONOTONIC);
    if (after - before >= best_width) continue;
    best_width = after - before;
    best = {realtime, before + (after - before) / 2, boottime};
  }
  return best;
}

std::string utc_text(std::int64_t realtime_ns) {
  const std::tm f = utc_fields(realtime_ns);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", f.tm_year + 1900, f.tm_mon + 1, f.tm_mday, f.tm_hour,
                     f.tm_min, f.tm_sec, (realtime_ns / 1'000'000) % 1000);
}

std::string utc_compact(std::int64_t realtime_ns) {
  const std::tm f = utc_fields(realtime_ns);
  return fmt::format("{:04}-{:02}-{:02}T{:02}-{:02}-{:02}Z", f.tm_year + 1900, f.tm_mon + 1, f.tm_mday, f.tm_hour,
                     f.tm_min, f.tm_sec);
}

std::string duration_text(Duration duration) {
  const double ns = static_cast<double>(duration.count());
  const double size = std::abs(ns);
  const auto scaled = [](double value, const char* unit) {
    const double magnitude = std::abs(value);
    return fmt::format("{:.{}f} {}", value, magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2, unit);
  };
  if (size >= 1e9) return scaled(ns * 1e-9, "s");
  if (size >= 1e6) return scaled(ns * 1e-6, "ms");
  if (size >= 1e3) return scaled(ns * 1e-3, "us");
  return fmt::format("{} ns", duration.count());
}

}  // namespace fdr

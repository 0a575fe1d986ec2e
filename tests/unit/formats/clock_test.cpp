#include "formats/clock.hpp"

#include <doctest/doctest.h>

using namespace fdr;
using namespace std::chrono_literals;

TEST_CASE("clock: UTC text of a moment") {
  const std::int64_t moment = 1'772'368'883'456'789'012;  // 2026-03-01 12:41:23.456789012 UTC
  CHECK(utc_text(moment) == "2026-03-01T12:41:23.456Z");
  CHECK(utc_compact(moment) == "2026-03-01T12-41-23Z");
  CHECK(utc_text(0) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("clock: an anchor ties the clocks together in both directions") {
  const ClockAnchor anchor{1'000'000, 500, 900};
  CHECK(anchor.realtime_of(from_ns(700)) == 1'000'200);
  CHECK(anchor.boottime_of(from_ns(700)) == 1'100);
  CHECK(anchor.monotonic_of_boottime(1'100) == from_ns(700));
  CHECK(anchor.realtime_of(from_ns(100)) == 999'600);
}

TEST_CASE("clock: now() lies between two readings of the monotonic clock") {
  const std::int64_t before = to_ns(MonotonicClock::now());
  const ClockAnchor anchor = ClockAnchor::now();
  const std::int64_t after = to_ns(MonotonicClock::now());
  CHECK(anchor.monotonic_ns >= before);
  CHECK(anchor.monotonic_ns <= after);
  CHECK(anchor.boottime_ns >= anchor.monotonic_ns - 1'000'000);  // boottime only ever adds the time asleep
  CHECK(anchor.realtime_ns > 1'600'000'000'000'000'000);
}

TEST_CASE("clock: durations for people have three significant digits") {
  CHECK(duration_text(95ns) == "95 ns");
  CHECK(duration_text(840us) == "840 us");
  CHECK(duration_text(12300us) == "12.3 ms");
  CHECK(duration_text(1500ms) == "1.50 s");
  CHECK(duration_text(-1500ms) == "-1.50 s");
  CHECK(duration_text(0ns) == "0 ns");
}

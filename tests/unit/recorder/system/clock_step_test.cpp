#include "recorder/system/clock_step.hpp"

#include <doctest/doctest.h>

using namespace fdr;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr ClockAnchor kBefore{.realtime_ns = 1'700'000'000 * kSecond, .monotonic_ns = 100 * kSecond, .boottime_ns = 150 * kSecond};

ClockAnchor later(std::int64_t real_ns, std::int64_t monotonic_ns, std::int64_t boot_ns) {
  return {kBefore.realtime_ns + real_ns, kBefore.monotonic_ns + monotonic_ns, kBefore.boottime_ns + boot_ns};
}

}  // namespace

TEST_CASE("clock step: set forward, set back, and by how much") {
  CHECK(clock_step(kBefore, later(3601 * kSecond, kSecond, kSecond)) == from_seconds(3600));
  CHECK(clock_step(kBefore, later(-3599 * kSecond, kSecond, kSecond)) == from_seconds(-3600));
}

TEST_CASE("clock step: time that passed, a clock that is slewed, and a host that slept are none") {
  CHECK_FALSE(clock_step(kBefore, later(kSecond, kSecond, kSecond)));
  CHECK_FALSE(clock_step(kBefore, later(kSecond + kSecond / 10, kSecond, kSecond)));
  CHECK_FALSE(clock_step(kBefore, later(7200 * kSecond, kSecond, 7200 * kSecond)));
}

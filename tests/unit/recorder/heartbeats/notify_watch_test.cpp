#include "recorder/heartbeats/notify_watch.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace fdr;
using namespace std::chrono_literals;

namespace {

Timestamp at(double seconds) { return Timestamp{} + from_seconds(seconds); }

HeartbeatConfig notify_beat(Duration every, int misses) {
  HeartbeatConfig beat;
  beat.name = "daemon";
  beat.every = every;
  beat.misses = misses;
  beat.from = BeatSource::kNotify;
  return beat;
}

// A heartbeat each second of which three may be missed, and what a service said of itself.
struct Service {
  std::vector<HeartbeatConfig> configs = {notify_beat(1s, 3)};
  Heartbeats beats{configs};
  NotifyWatch watch{configs};

  void says(double seconds, const char* text) { watch.took(parse_notify(text), at(seconds), beats); }
  double age(double seconds) {
    watch.advance(at(seconds), beats);
    return beats.ages(at(seconds)).front();
  }
};

}  // namespace

TEST_CASE("notify: nothing is late before READY or the first beat, and beats count from there") {
  Service service;
  CHECK(std::isnan(service.age(100)));
  service.says(100, "STATUS=starting\n");
  CHECK(std::isnan(service.age(200)));
  service.says(200, "READY=1\nSTATUS=running\n");
  CHECK(service.age(200.5) == doctest::Approx(0.5));
  service.says(201, "WATCHDOG=1");
  CHECK(service.age(201) == doctest::Approx(1));  // the gap that it closed
  CHECK(service.age(204.5) == doctest::Approx(3.5));

  Service simple;  // never says that it is ready
  simple.says(10, "WATCHDOG=1\n");
  CHECK(simple.age(12) == doctest::Approx(2));
}

TEST_CASE("notify: between STOPPING and the end nothing is late, whatever is said") {
  Service service;
  service.says(1, "READY=1");
  service.says(2, "STOPPING=1");
  CHECK(std::isnan(service.age(100)));
  service.says(101, "WATCHDOG=1");
  service.says(102, "WATCHDOG=trigger");
  CHECK(std::isnan(service.age(200)));
}

TEST_CASE("notify: a reload may take as long as it likes, from RELOADING to READY") {
  Service service;
  service.says(1, "READY=1");
  service.says(2, "RELOADING=1\nMONOTONIC_USEC=2000000\n");
  service.says(3, "WATCHDOG=1");
  CHECK(std::isnan(service.age(60)));
  service.says(61, "READY=1");
  CHECK(service.age(61) == 0);
  CHECK(service.age(65) == doctest::Approx(4));
}

TEST_CASE("notify: an extension is silence that was asked for; after it beats are due again") {
  Service service;
  service.says(1, "READY=1");
  service.says(2, "EXTEND_TIMEOUT_USEC=10000000\n");
  CHECK(std::isnan(service.age(11)));
  CHECK(service.age(13) == doctest::Approx(1));
  CHECK(service.age(16) == doctest::Approx(4));
  for (const char* nothing : {"EXTEND_TIMEOUT_USEC=0", "EXTEND_TIMEOUT_USEC=-5", "EXTEND_TIMEOUT_USEC=1s", "EXTEND_TIMEOUT_USEC="}) CHECK_FALSE(parse_notify(nothing).extend);
  CHECK(*parse_notify("EXTEND_TIMEOUT_USEC=9223372036854775807").extend <= 24h);
}

TEST_CASE("notify: WATCHDOG=trigger is late at once") {
  Service service;
  service.says(1, "READY=1");
  service.says(2, "WATCHDOG=trigger");
  CHECK(service.age(2) > 3);
  service.says(2.5, "WATCHDOG=1");
  service.age(2.5);
  CHECK(service.age(2.6) == doctest::Approx(0.1));
}

TEST_CASE("notify: only whole lines are understood") {
  for (const char* text : {"", "READY=10", "XREADY=1", "WATCHDOG=2", "\n\n\n", "READY", "ready=1", "WATCHDOG=1 "}) {
    const NotifyMessage message = parse_notify(text);
    CHECK_FALSE((message.ready || message.watchdog || message.hung || message.stopping || message.reloading || message.barrier));
  }
  CHECK(parse_notify("X=1\nBARRIER=1").barrier);
}

TEST_CASE("notify: what is passed on keeps us the main process, and no barrier") {
  CHECK(passed_on("READY=1\nMAINPID=77\nSTATUS=a b\n", 42) == "READY=1\nSTATUS=a b\nMAINPID=42\n");
  CHECK(passed_on("WATCHDOG=1", 42) == "WATCHDOG=1\n");
  CHECK(passed_on("BARRIER=1", 42).empty());
  CHECK(passed_on("MAINPID=77\nMAINPIDFD=1\n", 42).empty());
  CHECK(passed_on("", 42).empty());
}

TEST_CASE("notify: the command is asked for beats as often as the shortest heartbeat wants, or systemd") {
  const NotifyWatch watch({notify_beat(2s, 3), notify_beat(500ms, 3)});
  CHECK(watch.interval({}) == 1s);
  CHECK(watch.interval(30s) == 1s);
  CHECK(watch.interval(300ms) == 300ms);
  HeartbeatConfig other = notify_beat(1s, 3);
  other.from = BeatSource::kBeat;
  CHECK_FALSE(NotifyWatch({other}).wanted());
}

TEST_CASE("notify: we fire before systemd aborts") {
  std::vector<HeartbeatConfig> beats = {notify_beat(10s, 3), notify_beat(1s, 3)};
  CHECK(fire_before(20s, beats));
  CHECK(beats[0].every * beats[0].misses == 15s);
  CHECK(beats[1].every == 1s);
  CHECK_FALSE(fire_before(20s, beats));
}

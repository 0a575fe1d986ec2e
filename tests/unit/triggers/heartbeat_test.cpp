#include "triggers/heartbeat.hpp"

#include <doctest/doctest.h>

#include "tests/unit/triggers/trigger_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

Timestamp at(Duration time) { return Timestamp{time}; }

}  // namespace

TEST_CASE("heartbeat: unknown before the first beat, then the time since") {
  Heartbeats beats({{"bfd", 400ms, 3, ""}, {"cron", 1min, 1, ""}});
  CHECK(std::isnan(beats.ages(at(10s))[0]));
  CHECK(beats.beat("bfd", at(11s)));
  CHECK_FALSE(beats.beat("bdf", at(11s)));
  const auto ages = beats.ages(at(11500ms));
  REQUIRE(ages.size() == 2);
  CHECK(ages[0] == doctest::Approx(0.5));
  CHECK(std::isnan(ages[1]));
}

TEST_CASE("heartbeat: a gap that closed between two ticks is seen once") {
  Heartbeats beats({{"bfd", 400ms, 3, ""}});
  beats.beat("bfd", at(10s));
  beats.ages(at(10s));
  beats.beat("bfd", at(12s));
  beats.beat("bfd", at(12100ms));
  CHECK(beats.ages(at(12200ms))[0] == doctest::Approx(2));
  CHECK(beats.ages(at(12300ms))[0] == doctest::Approx(0.2));
}

TEST_CASE("heartbeat: beats out of order and from after the tick") {
  Heartbeats beats({{"bfd", 400ms, 3, ""}});
  beats.beat("bfd", at(12s));
  beats.beat("bfd", at(11s));
  CHECK(beats.ages(at(13s))[0] == doctest::Approx(1));
  beats.beat("bfd", at(13500ms));
  beats.ages(at(13s));
  CHECK(beats.ages(at(13400ms))[0] == 0);
}

TEST_CASE("heartbeat: its rule fires after the last miss that is forgiven, and not before") {
  const RuleConfig rule = heartbeat_rule({"bfd", 400ms, 3, "fdr.toml:4:1"});
  CHECK(rule.name == "bfd");
  CHECK(rule.when == "beat.bfd.age > 1200ms");
  CHECK(rule.where == "fdr.toml:4:1");
  Ticks ticks;
  Engine engine({rule}, ticks.catalogue());
  ticks.set("beat.bfd.age", 1.2).tick();
  CHECK(engine.evaluate(ticks.history(), ticks.now()).empty());
  ticks.set("beat.bfd.age", 1.21).tick();
  CHECK(engine.evaluate(ticks.history(), ticks.now()).size() == 1);
}

TEST_CASE("heartbeat: each peer has an age, and the worst is the heartbeat's") {
  Heartbeats beats({{"bfd", 400ms, 3, ""}, {"cron", 1min, 1, ""}});
  CHECK(beats.peer_ages().empty());
  beats.beat("bfd", at(10s), "10.0.0.1:3784");
  beats.beat("bfd", at(11s), "10.0.0.2:3784");
  beats.beat("cron", at(11s));
  CHECK(beats.ages(at(12s))[0] == doctest::Approx(2));
  REQUIRE(beats.peer_ages().size() == 2);  // cron's beats name no peer
  CHECK(beats.peer_ages()[0].peer == "10.0.0.1:3784");
  CHECK(beats.peer_ages()[0].age == doctest::Approx(2));
  CHECK(beats.peer_ages()[1].age == doctest::Approx(1));
  // The gap of one that closed between two ticks is the worst, once.
  beats.beat("bfd", at(13s), "10.0.0.1:3784");
  CHECK(beats.ages(at(13100ms))[0] == doctest::Approx(3));
  CHECK(beats.ages(at(13200ms))[0] == doctest::Approx(2.2));
}

TEST_CASE("heartbeat: peers without end are not followed") {
  Heartbeats beats({{"bfd", 400ms, 3, ""}});
  for (std::size_t i = 0; i < Heartbeats::kMostPeers; ++i) CHECK(beats.beat("bfd", at(10s), std::to_string(i)));
  CHECK_FALSE(beats.beat("bfd", at(10s), "one more"));
  CHECK(beats.beat("bfd", at(11s), "0"));
  beats.ages(at(11s));
  CHECK(beats.peer_ages().size() == Heartbeats::kMostPeers);
}

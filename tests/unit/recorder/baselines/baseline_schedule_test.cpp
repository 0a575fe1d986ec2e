#include "recorder/baselines/baseline_schedule.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace fdr;
using namespace std::chrono_literals;

namespace {

constexpr Duration kTick = 1s;

struct Run {
  BaselineSchedule schedule{1h, 20s};
  Timestamp now{Duration{1'000'000'000'000}};
  const Timestamp begun = now;
  std::vector<std::pair<std::string, std::int64_t>> cut{};  // kind, seconds since the beginning

  void go(Duration length, bool calm = true, bool busy = false) {
    for (const Timestamp end = now + length; now < end; now += kTick)
      if (const auto due = schedule.advance(calm, busy, now)) {
        CHECK(due->end - due->begin <= 20s);
        CHECK(due->end - due->begin >= BaselineSchedule::kLeast);
        cut.emplace_back(due->kind, (now - begun) / 1s);
      }
  }
};

}  // namespace

TEST_CASE("baselines are cut at the first calm, soon once more, then each hour") {
  Run run;
  run.go(3h);
  REQUIRE(run.cut.size() == 4);
  CHECK(run.cut[0] == std::pair<std::string, std::int64_t>{"start", 20});
  CHECK(run.cut[1] == std::pair<std::string, std::int64_t>{"regular", 320});
  CHECK(run.cut[2] == std::pair<std::string, std::int64_t>{"regular", 3920});
  CHECK(run.cut[3] == std::pair<std::string, std::int64_t>{"regular", 7520});
}

TEST_CASE("nothing is cut of a time in which something was wrong") {
  Run run;
  run.go(10s);
  run.go(5s, false);
  run.go(19s);
  CHECK(run.cut.empty());
  run.go(3s);
  REQUIRE(run.cut.size() == 1);
  CHECK(run.cut[0].first == "start");
  run.go(5h, false);
  CHECK(run.cut.size() == 1);
  run.go(30s);
  CHECK(run.cut.size() == 2);  // as soon as it has been calm for a slice
}

TEST_CASE("a mark cuts what was before it, if that was calm; one at a time") {
  Run run;
  CHECK_FALSE(run.schedule.mark("too early", run.now));
  run.go(5s);
  CHECK(run.schedule.mark("deploy\n2", run.now));
  run.go(3s, true, true);  // another one is being cut
  CHECK(run.cut.empty());
  const auto due = run.schedule.advance(true, false, run.now);
  REQUIRE(due);
  CHECK(due->kind == "mark");
  CHECK(due->note.find('\n') == std::string::npos);
  CHECK(due->end == run.begun + 5s);
  CHECK(due->begin == run.begun);
  CHECK(run.schedule.mark("more", run.now));
  run.go(1s, false);
  CHECK_FALSE(run.schedule.mark("while it burns", run.now));
  run.go(3s);
  CHECK(run.cut.empty());  // "more" went with the calm
  for (std::size_t i = 0; i < BaselineSchedule::kMostWaiting; ++i) CHECK(run.schedule.mark("m", run.now));
  CHECK_FALSE(run.schedule.mark("one too many", run.now));
}

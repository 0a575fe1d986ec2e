#include "recorder/baselines/quiet_slice.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "formats/figures/onset.hpp"
#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;

namespace {

Case healthy() {
  Case c;
  c.metric("process.rss", [](double t) { return 100 + t; }, Unit::kBytes);
  c.metric("process.faults", [](double t) { return 1000 + 10 * t; }, Unit::kCount, MetricKind::kCounter);
  c.samples(0, {"main", "serve"}, kBegin, kEnd, 30);
  c.samples(1, {"main", "serve", "[sys_read]"}, kBegin, kEnd, 10);
  c.sums("read", 20, 20, 1);
  c.stall(StallKind::kWait, 0, -20, 0.5);
  c.stall(StallKind::kBlocked, 0, -20, 0.5, c.stack({"main", "wait"}));
  c.stall(StallKind::kBlocked, 0, -11, 5);  // not over when the slice is
  c.calls(0, "read", kBegin, kEnd, 5);
  c.timeline.life.push_back({at(-20), LifeKind::kMark, kNoIndex, "x", 0});
  c.timeline.processes[0].command_line = {"server", "--token=secret"};
  return c;
}

}  // namespace

TEST_CASE("quiet slice: what is compared by is kept, within its time, and nothing else") {
  const Case c = healthy();
  const Timeline slice = quiet_slice(c.timeline, at(-30), at(-10));
  CHECK(slice.begin == at(-30));
  CHECK(slice.end == at(-10));
  CHECK(slice.samples.size() == doctest::Approx(800).epsilon(0.01));
  CHECK(std::all_of(slice.samples.begin(), slice.samples.end(), [](const StackSample& s) { return s.time >= at(-30) && s.time < at(-10); }));
  CHECK(std::is_sorted(slice.samples.begin(), slice.samples.end(), [](const auto& a, const auto& b) { return a.time < b.time; }));
  CHECK(slice.stacks.stack_count() == 2);  // of samples only
  REQUIRE(slice.stalls.size() == 1);
  CHECK(slice.stalls[0].stack == kNoStack);
  CHECK(slice.syscalls.empty());
  CHECK(slice.life.empty());
  REQUIRE(slice.processes.size() == 1);  // the target; nothing of the bystander is in it
  CHECK(slice.processes[0].command_line.empty());
  CHECK(slice.threads.size() == 2);
}

TEST_CASE("quiet slice: sums become one, metrics ten means, counters keep their rate") {
  const Case c = healthy();
  const Timeline slice = quiet_slice(c.timeline, at(-30), at(-10));
  REQUIRE(slice.summary.size() == 1);
  CHECK(slice.summary[0].calls == 400);
  CHECK(slice.summary[0].errors == 20);
  CHECK(slice.summary[0].interval == from_seconds(20));
  REQUIRE(slice.metrics.size() == 2);
  CHECK(slice.metrics[0].points.size() == 10);
  CHECK(slice.metrics[0].points[0].value == doctest::Approx(71).epsilon(0.01));
  const MetricPoints rates = metric_points(slice.metrics[1]);
  REQUIRE(rates.size() == 10);
  for (const auto& [time, rate] : rates) CHECK(rate == doctest::Approx(10));
}

TEST_CASE("quiet slice: where too much went on only its newer part is taken") {
  const Case c = healthy();
  CHECK(slice_begin(c.timeline, at(-30), at(-10)) == at(-30));
  Case busy;
  busy.samples(0, {"main"}, -30, -10, 2000);  // 40 000
  const Timestamp begin = slice_begin(busy.timeline, at(-30), at(-10));
  CHECK(to_seconds(at(-10) - begin) == doctest::Approx(10).epsilon(0.01));
  Case waiting;
  for (int i = 0; i < 10'000; ++i) waiting.stall(StallKind::kWait, 0, -20 + 1e-4 * i, 1e-5);
  CHECK(slice_begin(waiting.timeline, at(-30), at(-10)) == at(-30));  // waits are not kept
}

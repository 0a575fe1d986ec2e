#include "triggers/backtest.hpp"

#include <doctest/doctest.h>

#include "tests/unit/triggers/trigger_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

MetricSeries series(const char* name, std::vector<double> values) {
  MetricSeries series{.name = name, .unit = Unit::kPercent, .kind = MetricKind::kGauge, .points = {}};
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) series.points.push_back({from_ns(1'100'000'000 + 100'000'000 * i), values[i]});
  return series;
}

RuleConfig busy_rule(const char* when, Duration hold) { return {"busy", when, hold, 0s, "--when"}; }

}  // namespace

TEST_CASE("backtest: the same firings as live, look-back, holds and unknown ticks included") {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(i % 37 == 5 ? kUnknown : i % 50 < 20 ? 95 + i % 3 : 10);
  for (const auto& rule : {busy_rule("host.cpu.busy > 90%", 500ms), busy_rule("avg(host.cpu.busy, 2s) > 60%", 0s),
                           busy_rule("delta(host.cpu.busy, 300ms) > 50%", 0s), busy_rule("p99(host.cpu.busy, 1s) < 20%", 0s)}) {
    CAPTURE(rule.when);
    Ticks ticks(64);
    Engine live({rule}, ticks.catalogue());
    std::vector<Firing> fired;
    std::size_t ended = 0;
    for (const double value : values) {
      ticks.set("host.cpu.busy", value).set("process.threads", 1).tick();
      for (const Firing& firing : live.evaluate(ticks.history(), ticks.now())) fired.push_back(firing);
      ended += live.ended().size();
    }
    REQUIRE(fired.size() > 2);
    const Backtest again = backtest({rule}, ticks.catalogue(),
                                    {series("host.cpu.busy", values), series("process.threads", std::vector<double>(values.size(), 1))});
    REQUIRE(again.fired.size() == fired.size());
    for (std::size_t i = 0; i < fired.size(); ++i) {
      CHECK(again.fired[i].time == fired[i].time);
      CHECK(again.fired[i].evidence == fired[i].evidence);
    }
    CHECK(again.ended.size() == ended);
    CHECK(again.ticks == values.size());
    CHECK(again.rules[0].fired == fired.size());
  }
}

TEST_CASE("backtest: what was never recorded is named, and the nearest value is kept") {
  const Ticks ticks;
  std::vector<RuleConfig> rules = {busy_rule("host.cpu.busy > 90% and process.threads > 3", 0s), busy_rule("host.cpu.busy > 90%", 0s), busy_rule("host.cpu.busy > 90%", 0s)};
  rules[1].name = "alone";
  rules[2].name = "disarmed";
  rules[2].armed_when = "process.threads > 3";
  rules[2].clear = "beat.bfd.age < 1s";
  const Backtest result = backtest(rules, ticks.catalogue(), {series("host.cpu.busy", {10, 88, 20})});
  CHECK(result.fired.empty());
  CHECK(result.missing[0] == std::vector<std::string>{"process.threads"});
  CHECK(result.missing[1].empty());
  CHECK(result.missing[2] == std::vector<std::string>{"beat.bfd.age", "process.threads"});  // also of what it is armed by, and cleared
  CHECK(result.rules[1].extreme_text == "88.0 %");
  CHECK(result.end - result.begin == 200ms);
}

TEST_CASE("backtest: of nothing is nothing") {
  const Ticks ticks;
  CHECK(backtest({busy_rule("host.cpu.busy > 90%", 0s)}, ticks.catalogue(), {}).ticks == 0);
  CHECK(backtest({}, ticks.catalogue(), {series("host.cpu.busy", {1})}).rules.empty());
}

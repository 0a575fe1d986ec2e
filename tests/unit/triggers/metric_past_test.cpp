#include "triggers/metric_past.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "formats/history_code.hpp"
#include "tests/unit/triggers/trigger_fixture.hpp"
#include "triggers/backtest_history.hpp"
#include "triggers/expression.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

std::vector<MetricId> all_of(const MetricCatalogue& catalogue) {
  std::vector<MetricId> ids;
  for (MetricId id = 0; id < catalogue.size(); ++id)
    if (!catalogue.info(id).event) ids.push_back(id);
  return ids;
}

// Ticks of a hundred milliseconds with a past behind them; the window is ten seconds.
class Host {
 public:
  explicit Host(Timestamp start = from_ns(5'000'000'000'000)) : now_(start), past_(catalogue_, all_of(catalogue_), 24h, 10s), ticks_(catalogue_.size(), 128), row_(catalogue_.size(), kUnknown) { ticks_.set_past(&past_); }
  Host& set(std::string_view name, double value) { return row_[id(name)] = value, *this; }
  MetricId id(std::string_view name) const { return catalogue_.find(name).value(); }
  Host& run(Duration span, Duration step = 100ms) {
    for (const Timestamp end = now_ + span; now_ < end; now_ += step) {
      ticks_.push(now_, row_);
      past_.push(now_, row_);
    }
    return *this;
  }
  Verdict verdict(const char* when) const { return Expression::parse(when, catalogue_).evaluate(ticks_, now_); }
  double over(MetricPast::Of what, std::string_view name, Duration span) const { return past_.over(what, id(name), span, now_); }

  MetricCatalogue catalogue_ = small_catalogue();
  Timestamp now_;
  MetricPast past_;
  MetricHistory ticks_;
  std::vector<double> row_;
};

}  // namespace

TEST_CASE("past: means, extremes and percentile of seconds; unknown until there is so much") {
  Host host;
  host.set("host.cpu.busy", 10).run(55s);
  CHECK(std::isnan(host.over(MetricPast::Of::kMean, "host.cpu.busy", 60s)));
  host.run(5s);
  CHECK(host.over(MetricPast::Of::kMean, "host.cpu.busy", 60s) == 10);
  host.set("host.cpu.busy", 40).run(30s);
  CHECK(host.over(MetricPast::Of::kMean, "host.cpu.busy", 60s) == doctest::Approx(25).epsilon(0.01));
  CHECK(host.over(MetricPast::Of::kLeast, "host.cpu.busy", 60s) == 10);
  CHECK(host.over(MetricPast::Of::kGreatest, "host.cpu.busy", 60s) == 40);
  CHECK(host.over(MetricPast::Of::kPercentile99, "host.cpu.busy", 60s) == 40);
  CHECK(host.over(MetricPast::Of::kGreatest, "host.cpu.busy", 20s) == 40);
  CHECK(std::isnan(host.over(MetricPast::Of::kMean, "host.mem.free", 60s)));
}

TEST_CASE("past: a day by its minutes, and no further") {
  Host host;
  host.set("host.mem.free", 100 * kMegabyte).run(12h, 1s).set("host.mem.free", 300 * kMegabyte).run(12h + 1min, 1s);
  CHECK(host.over(MetricPast::Of::kMean, "host.mem.free", 24h) / kMegabyte == doctest::Approx(200).epsilon(0.01));
  CHECK(host.past_.before(host.id("host.mem.free"), 24h, host.now_) == 100 * kMegabyte);
  CHECK(host.verdict("delta(host.mem.free, 24h) > 190MB").holds == true);
  CHECK(host.verdict("delta(host.mem.free, 24h) > 210MB").holds == false);
  CHECK_FALSE(host.verdict("delta(host.mem.free, 25h) > 1MB").holds);
  CHECK_FALSE(host.verdict("avg(host.mem.free, 48h) > 1MB").holds);
  host.run(6h, 1s);
  CHECK(host.over(MetricPast::Of::kLeast, "host.mem.free", 17h) == 300 * kMegabyte);
}

TEST_CASE("past: a counter is its growth, also where it began anew") {
  Host host;
  for (int i = 0; i < 300; ++i) host.set("process.syscalls", 1000.0 * (i % 150)).run(1s, 1s);
  CHECK(host.verdict("rate(process.syscalls, 2m) > 900/s").holds == true);
  CHECK(host.verdict("rate(process.syscalls, 2m) > 1001/s").holds == false);
  CHECK(host.past_.grown(host.id("process.syscalls"), 100s, host.now_) == doctest::Approx(100'000).epsilon(0.02));
}

TEST_CASE("past: a tick may be longer than a second") {
  for (const Duration step : {Duration(2s), Duration(10s)}) {
    Host host;
    for (int i = 0; i < 150; ++i) host.set("process.syscalls", 1000.0 * i * to_seconds(step)).set("host.cpu.busy", i % 2 ? 40 : 20).run(step, step);
    CHECK(host.past_.grown(host.id("process.syscalls"), 2min, host.now_) == doctest::Approx(120'000).epsilon(0.1));
    CHECK(host.past_.grown(host.id("process.syscalls"), 4min, host.now_) == doctest::Approx(240'000).epsilon(0.1));
    CHECK(host.verdict("rate(process.syscalls, 2m) < 1001/s").holds == true);
    CHECK(host.over(MetricPast::Of::kMean, "host.cpu.busy", 2min) == doctest::Approx(30).epsilon(0.1));
    for (const HistoryRows& rows : host.past_.rows(MetricPast::Tier::kMinutes, INT64_MIN, {}))
      for (const HistoryRows::Column& column : rows.columns)
        if (host.past_.table()[column.metric].name == "process.syscalls")
          for (const HistoryValue& value : column.values) CHECK(value.mean == doctest::Approx(1000).epsilon(0.05));
  }
}

TEST_CASE("past: what grew while the host stood still is spread; what was gone for long has not gone on") {
  Host host;
  host.set("process.syscalls", 0).set("host.cpu.busy", 20).run(30s);
  host.now_ += 20s;
  host.set("process.syscalls", 2000).set("host.cpu.busy", 90).run(5s);
  CHECK(host.over(MetricPast::Of::kGreatest, "process.syscalls", 50s) == doctest::Approx(100).epsilon(0.1));
  CHECK(host.past_.grown(host.id("process.syscalls"), 50s, host.now_) == doctest::Approx(2000).epsilon(0.1));
  host.now_ += 5min;
  host.set("process.syscalls", 900'000).run(9s);
  CHECK(host.over(MetricPast::Of::kGreatest, "process.syscalls", 10s) == 0);
}

TEST_CASE("past: what a counter grew by while nobody looked is spread over that time") {
  Host before;
  before.set("process.syscalls", 1000).set("host.cpu.busy", 1).run(30s);
  const std::vector<CounterStand> stands = before.past_.counters();
  REQUIRE(stands.size() == 1);
  CHECK(stands[0].name == "process.syscalls");
  CHECK(stands[0].value == 1000);

  Host after(before.now_ + 60s);
  History kept;
  kept.metrics = before.past_.table();
  kept.seconds = before.past_.rows(MetricPast::Tier::kSeconds, INT64_MIN, {});
  after.past_.load(kept, {}, after.now_);
  after.past_.go_on_from(stands, before.now_);
  after.set("process.syscalls", 1600).run(3s);
  CHECK(after.past_.grown(after.id("process.syscalls"), 90s, after.now_) == doctest::Approx(600).epsilon(0.05));
  CHECK(after.past_.grown(after.id("process.syscalls"), 30s, after.now_) == doctest::Approx(270).epsilon(0.1));
  CHECK(after.verdict("delta(process.syscalls, 90s) > 500").holds == true);
  // Also by minutes, and for the file.
  CHECK(after.past_.rows(MetricPast::Tier::kSeconds, to_ns(before.now_) / 1'000'000'000 + 1, {}).size() == 1);

  Host anew(before.now_ + 60s);
  anew.past_.load(kept, {}, anew.now_);
  anew.past_.go_on_from(stands, before.now_);
  anew.set("process.syscalls", 10).run(3s);  // it began again: nothing is known of the time between
  CHECK(std::isnan(anew.past_.grown(anew.id("process.syscalls"), 60s, anew.now_)));
}

TEST_CASE("past: a counter that went on for hours is known by minutes") {
  Host host;
  const Timestamp at = host.now_ - 6h;
  host.past_.go_on_from({{"process.syscalls", 0}, {"no.such", 5}, {"host.cpu.busy", 7}}, at);
  host.set("process.syscalls", 6 * 3600.0 * 10).set("host.cpu.busy", 3).run(90s);
  CHECK(host.past_.grown(host.id("process.syscalls"), 5h, host.now_) == doctest::Approx(5 * 36'000 - 900).epsilon(0.01));
  CHECK(host.over(MetricPast::Of::kMean, "host.cpu.busy", 60s) == 3);  // a gauge has no stand
}

TEST_CASE("past: half of it must be known; a hole in it is no value") {
  Host host;
  host.set("host.cpu.busy", 50).run(100s).set("host.cpu.busy", kUnknown).run(40s);
  CHECK(host.over(MetricPast::Of::kMean, "host.cpu.busy", 100s) == 50);
  host.run(40s);
  CHECK(std::isnan(host.over(MetricPast::Of::kMean, "host.cpu.busy", 100s)));
  host.now_ += 2h;  // ticks that were slept through
  host.set("host.cpu.busy", 10).run(30s);
  CHECK(host.over(MetricPast::Of::kMean, "host.cpu.busy", 20s) == 10);
  CHECK(std::isnan(host.over(MetricPast::Of::kMean, "host.cpu.busy", 10min)));
}

TEST_CASE("past: goes on after a restart by the wall clock, and knows nothing of the future") {
  Host before;
  before.set("host.cpu.busy", 30).run(2h, 1s);
  const ClockAnchor then{.realtime_ns = 1'772'366'400'000'000'000, .monotonic_ns = to_ns(before.now_), .boottime_ns = 0};
  History history{.metrics = before.past_.table(), .seconds = before.past_.rows(MetricPast::Tier::kSeconds, INT64_MIN, then),
                  .minutes = before.past_.rows(MetricPast::Tier::kMinutes, INT64_MIN, then), .movers = {}, .problems = {}};
  // Another boot: its clock begins at 0. Ten minutes have gone by.
  Host after(from_ns(100'000'000'000));
  const ClockAnchor now{.realtime_ns = then.realtime_ns + 600'000'000'000, .monotonic_ns = to_ns(after.now_), .boottime_ns = 0};
  after.past_.load(history, now, after.now_);
  after.set("host.cpu.busy", 60).run(15s);
  CHECK(after.over(MetricPast::Of::kMean, "host.cpu.busy", 1h) == doctest::Approx(30).epsilon(0.05));
  CHECK(after.over(MetricPast::Of::kGreatest, "host.cpu.busy", 1h) == 30);  // the minute is not over
  // The clock was set back by three hours meanwhile: all of it would be yet to come.
  Host lost(from_ns(100'000'000'000));
  lost.past_.load(history, {.realtime_ns = then.realtime_ns - 10'800'000'000'000, .monotonic_ns = to_ns(lost.now_), .boottime_ns = 0}, lost.now_);
  lost.set("host.cpu.busy", 60).run(1min);
  CHECK(std::isnan(lost.over(MetricPast::Of::kMean, "host.cpu.busy", 1h)));
}

TEST_CASE("past: minutes that a killed recorder did not write are made of its seconds") {
  Host before;
  before.set("host.cpu.busy", 30).run(1h, 1s);
  const ClockAnchor anchor{.realtime_ns = 1'772'366'400'000'000'000, .monotonic_ns = to_ns(before.now_), .boottime_ns = 0};
  const History history{.metrics = before.past_.table(), .seconds = before.past_.rows(MetricPast::Tier::kSeconds, INT64_MIN, anchor), .minutes = {}, .movers = {}, .problems = {}};
  Host after(before.now_);
  after.past_.load(history, anchor, after.now_);
  after.run(1min);
  CHECK(after.over(MetricPast::Of::kMean, "host.cpu.busy", 45min) == 30);
}

TEST_CASE("expression: relative to the past, with what it is taken for until that is known") {
  Host host;
  host.set("process.cpu.total", 50).run(30s);
  CHECK_FALSE(host.verdict("process.cpu.total > 3 * avg(process.cpu.total, 1m)").holds);
  CHECK(host.verdict("process.cpu.total > 3 * avg(process.cpu.total, 1m, 15%)").holds == true);
  CHECK(host.verdict("process.cpu.total > 3 * avg(process.cpu.total, 1m, 20%)").holds == false);
  host.run(60s);  // and then it is what it always was
  CHECK(host.verdict("process.cpu.total > 3 * avg(process.cpu.total, 1m, 15%)").holds == false);
  host.set("process.cpu.total", 160).run(3s);
  CHECK(host.verdict("process.cpu.total > 2.5 * avg(process.cpu.total, 1m, 15%)").holds == true);
  CHECK(Expression::parse("process.cpu.total > 3 * avg(process.cpu.total, 1m, 15%)", host.catalogue_).sentence(host.catalogue_) ==
        "process.cpu.total (% of one CPU, of all targets) is above 3 times the mean of process.cpu.total over 1 m "
        "(taken for 15 % until that is known)");
}

TEST_CASE("expression: what multiples and third arguments are refused with") {
  const MetricCatalogue catalogue = small_catalogue();
  const auto refused = [&](const char* text) {
    try {
      Expression::parse(text, catalogue);
    } catch (const ExpressionError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refused("host.cpu.busy > 3% * avg(host.cpu.busy, 1m)").find("plain number") != std::string::npos);
  CHECK(refused("host.cpu.busy > 0 * avg(host.cpu.busy, 1m)").find("plain number") != std::string::npos);
  CHECK(refused("host.cpu.busy > 3 * 4%").find("a metric is expected") != std::string::npos);
  CHECK(refused("host.cpu.busy > 3 * SIGHUP").find("a metric is expected") != std::string::npos);
  CHECK(refused("host.cpu.busy > avg(host.cpu.busy, 1m, 3MB)").find("a number in %") != std::string::npos);
  CHECK(refused("host.cpu.busy > avg(host.cpu.busy, 1m, host.cpu.busy)").find("a number in %") != std::string::npos);
  CHECK(refused("rate(process.syscalls) > 3 * rate(process.syscalls, 1m, 100)").empty());
}

TEST_CASE("backtest on a history: the second at which it fired live") {
  const RuleConfig rules[] = {{"plain", "host.cpu.busy > 90%", 0s, 0s, "--when"}, {"held", "process.cpu.total > 50%", 3s, 0s, "--when"},
                              {"relative", "host.cpu.busy > 3 * avg(host.cpu.busy, 1m)", 0s, 0s, "--when"}, {"rate", "rate(process.syscalls, 2s) > 5000/s", 0s, 0s, "--when"},
                              {"crash", "exit.code != 0", 0s, 0s, "--when"}};
  const std::vector<RuleConfig> all(std::begin(rules), std::end(rules));
  Host host;
  Engine engine(all, host.catalogue_);
  std::vector<Firing> live;
  double calls = 0;
  for (int i = 0; i < 3000; ++i) {
    host.set("host.cpu.busy", i == 1504 ? 95 : 20).set("process.cpu.total", i > 2000 && i < 2040 ? 70 : 5).set("process.syscalls", calls += i > 2500 && i < 2550 ? 900 : 10);
    host.run(100ms);
    for (const Firing& firing : engine.evaluate(host.ticks_, host.now_ - 100ms)) live.push_back(firing);
  }
  REQUIRE(live.size() == 4);
  const ClockAnchor anchor{.realtime_ns = 1'772'366'400'000'000'000, .monotonic_ns = 0, .boottime_ns = 0};
  const History history{.metrics = host.past_.table(), .seconds = host.past_.rows(MetricPast::Tier::kSeconds, INT64_MIN, anchor),
                        .minutes = host.past_.rows(MetricPast::Tier::kMinutes, INT64_MIN, anchor), .movers = {}, .problems = {}};
  const Backtest again = backtest_history(all, host.catalogue_, history, 10s);
  REQUIRE(again.fired.size() == live.size());
  for (std::size_t i = 0; i < live.size(); ++i) {
    CHECK(again.fired[i].rule == live[i].rule);
    CAPTURE(live[i].rule);
    CHECK(std::abs(to_seconds(Duration{to_ns(again.fired[i].time) - anchor.realtime_of(live[i].time)})) <= 1.0);
  }
  CHECK(again.missing[4] == std::vector<std::string>{"exit.code"});
  CHECK(again.missing[0].empty());
  CHECK(again.rules[4].fired == 0);
  CHECK(backtest_history(all, host.catalogue_, {}, 10s).ticks == 0);
}

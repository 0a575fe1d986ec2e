#include "formats/figures/onset.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "formats/error.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
using incident::at;
using incident::contains;

namespace {

struct Made {
  Manifest manifest;
  Timeline timeline;
};

// Ten points a second from 30 s before the firing to 5 s after.
Made made(const std::string& name, MetricKind kind, const std::function<double(double)>& value) {
  Made result;
  result.manifest.trigger.when = name + " > 1";
  result.manifest.trigger.monotonic_ns = incident::kFired;
  result.manifest.trigger.realtime_ns = 1'772'368'883'456'000'000;  // 12:41:23.456
  result.timeline.begin = at(-30);
  result.timeline.end = at(5);
  MetricSeries series{name, Unit::kNone, kind, {}};
  for (int i = 0; i <= 350; ++i) series.points.push_back({at(-30 + 0.1 * i), value(-30 + 0.1 * i)});
  result.timeline.metrics = {series};
  return result;
}

Onset found(const Made& m) { return find_onset(m.manifest, m.timeline); }
double seconds(Timestamp time) { return to_seconds(time - at(0)); }
double noise(double t) { return std::sin(t * 37.0) + std::cos(t * 101.0); }  // within +-2

}  // namespace

TEST_CASE("onset: a step is found where it is, through noise") {
  const Onset onset = found(made("m", MetricKind::kGauge, [](double t) { return (t < -4.25 ? 10 : 80) + noise(t); }));
  REQUIRE(onset.known);
  CHECK(std::abs(seconds(onset.time) + 4.2) < 0.15);
  CHECK(std::abs(onset.quiet - 10) < 2);
  CHECK(std::abs(onset.incident - 80) < 2);
  CHECK(onset.metric == "m");
  CHECK(contains(onset.how, "m from "));
  CHECK(onset.until == at(5));
}

TEST_CASE("onset: of a slope its foot, not the place where it is steep enough to see") {
  const Onset onset = found(made("process.rss", MetricKind::kGauge, [](double t) { return 100 + noise(t) + (t < -8 ? 0 : 10 * (t + 8)); }));
  REQUIRE(onset.known);
  CHECK(std::abs(seconds(onset.time) + 8) < 0.5);
}

TEST_CASE("onset: of a counter the rate counts") {
  double total = 0;
  const Onset onset = found(made("c", MetricKind::kCounter, [&](double t) { return total += t < -2.05 ? 1 : 500; }));
  REQUIRE(onset.known);
  CHECK(std::abs(seconds(onset.time) + 2) < 0.15);
  CHECK(onset.quiet == doctest::Approx(10));
}

TEST_CASE("onset: a counter that moves each 200 ms has changed, whichever tick the rule fires at") {
  for (int phase = 0; phase < 2; ++phase) {
    double total = 0;
    const Onset onset = found(made("c", MetricKind::kCounter, [&](double t) {
      return total += t > -1.05 && (std::lround(t * 10) & 1) == phase ? 1300 : 0;
    }));
    REQUIRE(onset.known);
    CHECK(std::abs(seconds(onset.time) + 1) < 0.25);
    CHECK(onset.quiet == 0);
    CHECK(onset.incident > 4000);
    CHECK_FALSE(contains(onset.how, "to 0"));
  }
}

TEST_CASE("onset: an earlier episode is not taken for this one") {
  const Onset onset = found(made("m", MetricKind::kGauge, [](double t) { return (t > -20 && t < -17) || t > -1.05 ? 90.0 : 5 + noise(t); }));
  REQUIRE(onset.known);
  CHECK(std::abs(seconds(onset.time) + 1) < 0.15);
}

TEST_CASE("onset: the incident ends where the metric is back for good") {
  const Onset onset = found(made("m", MetricKind::kGauge, [](double t) { return t > -1.05 && t < 1.95 ? 90.0 : 5 + noise(t); }));
  REQUIRE(onset.known);
  CHECK(std::abs(seconds(onset.until) - 2) < 0.15);
}

TEST_CASE("onset: unknown where nothing changes, where it is older than the window, and without the metric") {
  CHECK_FALSE(found(made("m", MetricKind::kGauge, [](double t) { return 50 + noise(t); })).known);
  CHECK_FALSE(found(made("m", MetricKind::kGauge, [](double t) { return t * 3; })).known);  // has always grown
  CHECK_FALSE(found(made("m", MetricKind::kGauge, [](double t) { return t < -29.7 ? 1.0 : 90.0; })).known);
  Made other = made("m", MetricKind::kGauge, [](double t) { return t < -3 ? 1.0 : 90.0; });
  other.manifest.trigger.when = "asked for";
  CHECK_FALSE(found(other).known);
  CHECK(contains(found(other).how, "no metric"));
  CHECK_FALSE(find_onset({}, {}).known);
}

TEST_CASE("onset: of a heartbeat the last beat") {
  const Onset onset = found(made("beat.bfd.age", MetricKind::kGauge, [](double t) { return t < -1.65 ? std::fmod(t + 30, 0.4) : t + 1.65; }));
  REQUIRE(onset.known);
  CHECK(std::abs(seconds(onset.time) + 1.65) < 0.11);
  const Onset old = found(made("beat.bfd.age", MetricKind::kGauge, [](double t) { return t + 300; }));
  CHECK_FALSE(old.known);
  CHECK(contains(old.how, "older than the window"));
}

TEST_CASE("onset: a rule names a metric as a whole word") {
  CHECK(names_metric("rate(process.syscalls) > 3/s", "process.syscalls"));
  CHECK_FALSE(names_metric("rate(process.syscalls.errors) > 3/s", "process.syscalls"));
  CHECK(names_metric("process[a].rss > 1", "process[a].rss"));
  CHECK_FALSE(names_metric("process[a].rss > 1", "rss"));
  CHECK_FALSE(names_metric("x > 1", ""));
}

TEST_CASE("onset: given as seconds or as UTC; outside the window is an error") {
  const Made m = made("m", MetricKind::kGauge, [](double) { return 1.0; });
  const auto given = [&](const char* text) { return seconds(given_onset(text, m.manifest, m.timeline).time); };
  CHECK(given("-3.5") == doctest::Approx(-3.5));
  CHECK(given("2") == doctest::Approx(2));
  CHECK(given("12:41:20.456") == doctest::Approx(-3));
  CHECK(given("2026-03-01T12:41:20.456Z") == doctest::Approx(-3));
  for (const char* bad : {"", "soon", "-3s", "12:99:00", "9999-01-01T00:00:00Z", "-300", "1e300", "nan"})
    CHECK_THROWS_AS(given_onset(bad, m.manifest, m.timeline), Error);
}

TEST_CASE("onset: a hostile manifest overflows nothing") {
  Made m = made("m", MetricKind::kGauge, [](double t) { return t < -3 ? 1.0 : 90.0; });
  m.manifest.trigger.monotonic_ns = INT64_MIN;
  m.manifest.trigger.realtime_ns = INT64_MIN;
  CHECK_FALSE(found(m).known);
  CHECK_THROWS_AS(given_onset("12:41:20", m.manifest, m.timeline), Error);
  for (auto& point : m.timeline.metrics[0].points) point.value = std::nan("");
  m.manifest.trigger.monotonic_ns = incident::kFired;
  CHECK_FALSE(found(m).known);
}

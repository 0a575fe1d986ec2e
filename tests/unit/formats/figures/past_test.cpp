#include "formats/figures/past.hpp"

#include <doctest/doctest.h>

#include "formats/history_code.hpp"
#include "formats/report/past_section.hpp"

using namespace fdr;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kNoon_ns = 1'772'366'400'000'000'000;

// Two metrics, so many minutes at these levels, and then a minute of seconds at those.
History made(std::uint32_t minutes, double usual, double now) {
  History history;
  history.metrics = {{"process.cpu.total", Unit::kPercent, MetricKind::kGauge}, {"host.mem.free", Unit::kBytes, MetricKind::kGauge}};
  const auto run = [&](std::int64_t start, std::uint32_t rows, Duration step, double first) {
    HistoryRows one{.start_ns = start, .step = step, .rows = rows, .columns = {{.metric = 0, .values = {}}, {.metric = 1, .values = {}}}};
    for (std::uint32_t i = 0; i < rows; ++i) {
      one.columns[0].values.push_back(history_value(first, first - 1, first + 1));
      one.columns[1].values.push_back(history_value(4e9, 4e9, 4e9));
    }
    return one;
  };
  history.minutes = {run(kNoon_ns - std::int64_t{minutes} * 60'000'000'000, minutes, 1min, usual)};
  history.seconds = {run(kNoon_ns - 60'000'000'000, 60, 1s, now)};
  return history;
}

}  // namespace

TEST_CASE("past: the last value beside the means of an hour and a day") {
  const auto rows = past_rows(made(600, 12, 96));
  REQUIRE(rows.size() == 2);
  CHECK(*rows[0].last == doctest::Approx(96).epsilon(0.01));
  CHECK(*rows[0].hour == doctest::Approx(96).epsilon(0.01));
  CHECK(*rows[0].day == doctest::Approx(12).epsilon(0.01));
  CHECK(rows[0].minutes == 600);
  CHECK(rows[0].least == doctest::Approx(11).epsilon(0.01));
  CHECK(rows[0].greatest == doctest::Approx(97).epsilon(0.01));  // of a minute that is not over
  CHECK(*rows[0].higher_than == 100);
  CHECK(past_rows({}).empty());
}

TEST_CASE("past section: what is far from the last day is told, what is as ever is not, nor what is hardly known") {
  const std::string far = past_section(made(600, 12, 96), "", "B", {});
  CHECK(far.find("process.cpu.total") != std::string::npos);
  CHECK(far.find("8.0") != std::string::npos);
  CHECK(far.find("host.mem.free") == std::string::npos);
  CHECK(past_section(made(600, 12, 12), "", "B", {}).empty());
  CHECK(past_section(made(20, 12, 96), "", "B", {}).empty());
  CHECK(past_section(made(600, 12, 12), "process.cpu.total > 10%", "B", {}).find("process.cpu.total") != std::string::npos);  // the rule's own is always told
}

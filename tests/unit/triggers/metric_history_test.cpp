#include "triggers/metric_history.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace fdr;

namespace {

void push(MetricHistory& history, std::int64_t ns, double first, double second = 0) {
  const double row[] = {first, second};
  history.push(from_ns(static_cast<std::uint64_t>(ns)), row);
}

}  // namespace

TEST_CASE("catalogue: an existing name gives its id, and keeps what was said first") {
  MetricCatalogue catalogue;
  const MetricId a = catalogue.add({"a", Unit::kBytes});
  const MetricId b = catalogue.add({"b"});
  CHECK(a != b);
  CHECK(catalogue.add({"a", Unit::kPercent}) == a);
  CHECK(catalogue.info(a).unit == Unit::kBytes);
  CHECK(catalogue.find("b") == b);
  CHECK_FALSE(catalogue.find("c"));
  CHECK(catalogue.names() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("history: the oldest row is overwritten") {
  MetricHistory history(2, 3);
  CHECK(std::isnan(history.latest(0)));
  for (int i = 1; i <= 5; ++i) push(history, i * 100, i, -i);
  CHECK(history.size() == 3);
  CHECK(history.time(0) == from_ns(300));
  CHECK(history.value(1, 0) == -3);
  CHECK(history.latest(0) == 5);
}

TEST_CASE("history: at() is the newest tick not after the time, unknown before the oldest") {
  MetricHistory history(2, 3);
  for (int i = 1; i <= 5; ++i) push(history, i * 100, i);
  CHECK(history.at(0, from_ns(400)) == 4);
  CHECK(history.at(0, from_ns(499)) == 4);
  CHECK(history.at(0, from_ns(9000)) == 5);
  CHECK(history.at(0, from_ns(300)) == 3);
  CHECK(std::isnan(history.at(0, from_ns(299))));  // 1 and 2 were overwritten
}

TEST_CASE("history: interpolated() is on the line between two ticks, and unknown where one of them is") {
  MetricHistory history(2, 4);
  push(history, 100, 10, 1);
  push(history, 200, 20, NAN);
  push(history, 1000, 100, 3);
  CHECK(history.interpolated(0, from_ns(200)) == 20);
  CHECK(history.interpolated(0, from_ns(600)) == doctest::Approx(60));
  CHECK(history.interpolated(0, from_ns(2000)) == 100);
  CHECK(std::isnan(history.interpolated(0, from_ns(99))));
  CHECK(std::isnan(history.interpolated(1, from_ns(600))));
  CHECK(history.interpolated(1, from_ns(100)) == 1);
}

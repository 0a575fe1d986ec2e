#include "recorder/metrics/straight_line.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace fdr;

namespace {

Timestamp second(double number) { return Timestamp{from_seconds(1000 + number)}; }

}  // namespace

TEST_CASE("straight line: what is learnt in steps rises evenly, a look late") {
  StraightLine line;
  line.learn(second(0), 50);
  CHECK(line.at(second(0.7)) == 50);  // nobody knows what rose before
  line.learn(second(1), 150);
  CHECK(line.at(second(1)) == 50);
  CHECK(line.at(second(1.25)) == doctest::Approx(75));
  CHECK(line.at(second(2)) == doctest::Approx(150));
  CHECK(line.at(second(9)) == 150);  // and stands, where the next look is late
}

TEST_CASE("straight line: never falls back, and loses nothing, where looks come early") {
  StraightLine line;
  line.learn(second(0), 0);
  line.learn(second(2), 100);
  line.learn(second(3), 100);  // it was half way up
  CHECK(line.at(second(3)) == doctest::Approx(50));
  CHECK(line.at(second(4)) == doctest::Approx(100));
}

TEST_CASE("straight line: unknown before the first look and after one that found nothing, anew where it fell") {
  StraightLine line;
  CHECK(std::isnan(line.at(second(0))));
  line.learn(second(1), 10);
  line.learn(second(2), 20);
  line.learn(second(3), std::numeric_limits<double>::quiet_NaN());
  CHECK(std::isnan(line.at(second(3.5))));
  line.learn(second(4), 40);
  CHECK(line.at(second(4)) == 40);
  line.learn(second(5), 50);
  CHECK(line.at(second(5.5)) == doctest::Approx(45));
  line.learn(second(6), 5);
  CHECK(line.at(second(6)) == 5);
}

TEST_CASE("straight line: who looks all the time sees at once, and goes on from there") {
  StraightLine line;
  line.follow(second(0), 7);
  line.follow(second(0.1), 9);
  CHECK(line.at(second(0.1)) == 9);
  line.learn(second(1.1), 19);
  CHECK(line.at(second(1.6)) == doctest::Approx(14));
}

#include "recorder/metrics/sum_of_many.hpp"

#include <doctest/doctest.h>

using namespace fdr;

TEST_CASE("sum of many: begins with what they stand at, grows by what each gains, and loses nothing with who goes") {
  SumOfMany<2> sum;
  sum.add("a", {100, 1});
  sum.add("b", {50, 2});
  CHECK(sum.done().value() == SumOfMany<2>::Counts{150, 3});
  sum.add("a", {110, 1});
  sum.add("b", {50, 5});
  sum.add("late", {1'000'000, 7});  // what it did elsewhere
  CHECK(sum.done().value() == SumOfMany<2>::Counts{160, 6});
  sum.add("a", {111, 1});
  sum.add("late", {1'000'004, 7});
  CHECK(sum.done().value() == SumOfMany<2>::Counts{165, 6});
  sum.add("a", {3, 0});  // it began again
  sum.add("b", {70, 9});
  CHECK(sum.done().value() == SumOfMany<2>::Counts{165, 6});
  sum.add("a", {4, 0});
  CHECK(sum.done().value() == SumOfMany<2>::Counts{166, 6});
}

TEST_CASE("sum of many: nothing where none is there; who comes then is counted from where it was found") {
  SumOfMany<1> sum;
  CHECK_FALSE(sum.done());
  sum.add("a", {5});
  CHECK(sum.done().value()[0] == 5);
  CHECK_FALSE(sum.done());
  sum.add("b", {1000});
  CHECK(sum.done().value()[0] == 5);
}

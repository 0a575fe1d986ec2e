#include "formats/duration_sum.hpp"

#include <doctest/doctest.h>

using namespace fdr;

TEST_CASE("a sum of durations stays at the end of what fits") {
  Duration sum{5};
  add_up(sum, Duration{7});
  CHECK(sum.count() == 12);
  for (int i = 0; i < 20; ++i) add_up(sum, Duration{std::int64_t{1} << 60});
  CHECK(sum == Duration::max());
  add_up(sum, Duration{-1});
  CHECK(sum == Duration::max() - Duration{1});
  sum = Duration{0};
  for (int i = 0; i < 20; ++i) add_up(sum, Duration{-(std::int64_t{1} << 60)});
  CHECK(sum == Duration::min());
}

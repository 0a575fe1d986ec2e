#include "recorder/cost/program_cost.hpp"

#include <doctest/doctest.h>

#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

TEST_CASE("program cost: runs since the last look, of threads that ended too; a spared call is cheaper") {
  MemoryWindow window(MemoryWindow::small());
  const std::uint32_t live[] = {1, 2};
  ProgramCost cost;
  window.thread(1).calls = 1'000'000;
  CHECK(cost.read(window.view(), live, true) == Duration{0});  // nothing to compare with
  CHECK(cost.read(window.view(), live, true) == Duration{0});
  window.thread(1).calls += 1000;
  const Duration looked_at = cost.read(window.view(), live, true);
  CHECK(looked_at > Duration{100'000});
  window.thread(1).calls += 1000;
  const Duration spared = cost.read(window.view(), live, false);
  CHECK(spared > Duration{0});
  CHECK(spared < looked_at);
  window.thread(2).calls = 500;
  cost.ended(window.thread(2));
  window.thread(2) = {};
  CHECK(cost.read(window.view(), live, true) == looked_at / 2);
  window.thread(1).voluntary += 10;
  CHECK(cost.read(window.view(), live, true) > Duration{0});
  window.write(FDR_STACKS, 0, 1000, sample_record(1000, 1, {}));
  CHECK(cost.read(window.view(), live, true) > Duration{1000});
  CHECK(cost.read(window.view(), live, true) == Duration{0});
}

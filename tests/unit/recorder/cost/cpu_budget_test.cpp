#include "recorder/cost/cpu_budget.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace fdr;
using namespace std::chrono_literals;

namespace {

// A recorder whose cost is given second by second.
struct Budget {
  explicit Budget(double most, Detail full = {.every = 100ms, .calls = true}) : budget(most, full, start) {}

  // What changed within so many seconds of this cost.
  std::vector<std::string> spend(Spending each, int seconds) {
    std::vector<std::string> changes;
    for (int i = 0; i < seconds; ++i) {
      now += 1s;
      if (auto changed = budget.advance(each, now)) changes.push_back(*changed);
    }
    return changes;
  }
  const Detail& detail() const { return budget.detail(); }

  const Timestamp start{1000s};
  Timestamp now = start;
  CpuBudget budget;
};

}  // namespace

TEST_CASE("cpu budget: within it nothing is left out, and nothing before a step was judged") {
  Budget budget(1);
  CHECK(budget.spend({.own = 0.5, .programs = 0.4}, 600).empty());
  CHECK(budget.detail() == Detail{100ms, true});
  Budget starting(1);
  CHECK(starting.spend({.own = 50, .programs = 0}, 4).empty());  // it is arming
  CHECK(starting.spend({.own = 50, .programs = 0}, 1).size() == 1);
  CHECK(starting.spend({.own = 50, .programs = 0}, 4).empty());  // has to show what it saved
  CHECK(starting.detail() == Detail{200ms, true});
}

TEST_CASE("cpu budget: the dearer kind of cost gives way first") {
  Budget ticks(1);
  const auto changes = ticks.spend({.own = 2, .programs = 0.1}, 60);
  CHECK(ticks.detail() == Detail{1s, false});
  REQUIRE(changes.size() == 4);  // 200 ms, 500 ms, 1 s, and at last what is left
  CHECK(changes[0] == "it costs 2.1 % of a CPU (2.0 % the recorder, 0.1 % its programs, estimated), more than 1 %: less detail, ticks each 200 ms");
  CHECK(ticks.budget.exhausted());

  Budget calls(1);
  const auto first = calls.spend({.own = 0.5, .programs = 5}, 5);
  REQUIRE(first.size() == 1);
  CHECK(calls.detail() == Detail{100ms, false});
  CHECK_FALSE(calls.budget.exhausted());
}

TEST_CASE("cpu budget: what cannot be lowered is not, and is said") {
  Budget off(1, {.every = 2s, .calls = false});
  CHECK(off.spend({.own = 3, .programs = 0}, 60).empty());
  CHECK(off.budget.exhausted());
  CHECK(off.spend({.own = 0.9, .programs = 0}, 10).empty());
  CHECK_FALSE(off.budget.exhausted());
  Budget slow(1, {.every = 300ms, .calls = false});
  CHECK(slow.spend({.own = 3, .programs = 0}, 60).size() == 1);
  CHECK(slow.detail().every == 600ms);  // five times would be more than a second
}

TEST_CASE("cpu budget: the last to go comes back first, when there has been room for long enough") {
  Budget budget(1);
  budget.spend({.own = 2, .programs = 0.1}, 5);
  budget.spend({.own = 0.2, .programs = 5}, 5);
  REQUIRE(budget.detail() == Detail{200ms, false});
  CHECK(budget.spend({.own = 0.1, .programs = 0.7}, 300).empty());  // within it, but no room to speak of
  CHECK(budget.spend({.own = 0.1, .programs = 0.1}, 25).empty());
  const auto back = budget.spend({.own = 0.1, .programs = 0.1}, 15);
  REQUIRE(back.size() == 1);
  CHECK(back[0] == "it costs 0.2 % of a CPU: more detail again, ticks each 200 ms");
  CHECK(budget.spend({.own = 0.1, .programs = 0.1}, 60).size() == 1);
  CHECK(budget.detail() == Detail{100ms, true});
}

TEST_CASE("cpu budget: detail that has to go again waits longer each time") {
  Budget budget(1);
  const Spending dear{.own = 0.1, .programs = 5}, cheap{.own = 0.1, .programs = 0};
  std::vector<int> waits;
  for (int round = 0; round < 8; ++round) {
    while (budget.detail().calls) budget.spend(dear, 1);
    int waited = 0;
    for (; !budget.detail().calls; ++waited) budget.spend(cheap, 1);
    waits.push_back(waited);
  }
  for (std::size_t i = 1; i < waits.size(); ++i) CHECK(waits[i] >= waits[i - 1]);
  CHECK(waits.front() < 45);
  CHECK(waits[3] > 4 * waits[0]);
  CHECK(waits.back() <= 620);
  // One that stays is forgiven.
  budget.spend(cheap, 1300);
  while (budget.detail().calls) budget.spend(dear, 1);
  int waited = 0;
  for (; !budget.detail().calls; ++waited) budget.spend(cheap, 1);
  CHECK(waited < 45);
}

TEST_CASE("cpu budget: a dump is not held against the recording") {
  Budget budget(1);
  for (int i = 0; i < 30; ++i) {
    budget.spend({.own = 90, .programs = 0}, 1);
    budget.budget.pause(budget.now);
  }
  CHECK(budget.detail() == Detail{100ms, true});
  CHECK(budget.spend({.own = 0.2, .programs = 0}, 60).empty());
}

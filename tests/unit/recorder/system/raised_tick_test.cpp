#include "recorder/system/raised_tick.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/resource.h>

#include <thread>

using namespace fdr;

namespace {

int policy() { return ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK; }

}  // namespace

TEST_CASE("raised tick: who computes without a pause is an ordinary thread until the next tick; what it starts is one from the beginning") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_RTTIME, &before) == 0);
  int of_child = -1, nice_of_child = -1, computing = -1, next = -1;
  RaisedTick::Kind kind{};
  std::thread([&] {
    RaisedTick raised;
    kind = raised.kind();
    std::thread([&] {
      of_child = policy();
      nice_of_child = ::getpriority(PRIO_PROCESS, 0);
    }).join();
    if (kind != RaisedTick::Kind::kRealtime) return;
    for (int round = 0; round < 2; ++round) {  // the kernel moves the limit each time it is reached
      const Timestamp end = MonotonicClock::now() + std::chrono::seconds(20);
      while (policy() != SCHED_OTHER && MonotonicClock::now() < end) {
      }
      computing = policy();
      raised.begin();
      next = policy();
      if (computing != SCHED_OTHER) return;
    }
  }).join();
  ::setrlimit(RLIMIT_RTTIME, &before);
  CHECK(of_child == SCHED_OTHER);
  CHECK(nice_of_child == 0);
  if (kind != RaisedTick::Kind::kRealtime) return;  // it takes CAP_SYS_NICE
  CHECK(computing == SCHED_OTHER);
  CHECK(next == SCHED_RR);
}

#include "recorder/dump/memory_now.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>

using namespace fdr;

namespace {

std::uint64_t address_of(const void* at) { return reinterpret_cast<std::uint64_t>(at); }

struct Pages {
  static constexpr std::size_t kBytes = 4 * 4096;
  void* at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ~Pages() { ::munmap(at, kBytes); }
};

}  // namespace

TEST_CASE("memory now: what is mapped, how it is called, and which of it is there") {
  Pages pages;
  REQUIRE(pages.at != MAP_FAILED);
  *static_cast<char*>(pages.at) = 1;
  int local = 0;
  const std::uint64_t there = address_of(pages.at), not_touched = there + 2 * kPageBytes, stack = address_of(&local);
  const MemoryNow memory(::getpid(), {there, not_touched, stack, there});
  REQUIRE(memory.known());
  CHECK(memory.region(stack) == "[stack]");
  CHECK_FALSE(memory.region(8));
  CHECK(memory.region(there));
  CHECK(memory.holds(stack) == true);
  CHECK(memory.holds(there + 100) == true);  // of the same page
  CHECK(memory.holds(not_touched) == false);
  CHECK_FALSE(memory.holds(8));  // not asked for
  CHECK_FALSE(MemoryNow(1 << 30, {there}).known());
}

TEST_CASE("memory now: growth in a process that lives is settled, in one that ended it is left as it is") {
  Pages pages;
  REQUIRE(pages.at != MAP_FAILED);
  static_cast<char*>(pages.at)[0] = 1;
  Timeline timeline;
  timeline.processes.resize(2);
  for (Process& process : timeline.processes) process.pid = ::getpid();
  timeline.processes[1].ended = Timestamp{Duration{5}};
  timeline.threads.resize(2);
  timeline.threads[0].process = 0;
  timeline.threads[1].process = 1;
  const auto add = [&](std::uint32_t thread, std::uint64_t address) {
    Growth growth;
    growth.thread = thread;
    growth.address = address;
    timeline.growth.push_back(growth);
  };
  add(0, address_of(pages.at));
  add(0, address_of(pages.at) + 2 * kPageBytes);
  add(0, 8);
  add(1, 8);
  add(7, 8);
  int local = 0;
  add(0, address_of(&local));
  const Timestamp now{Duration{100}};
  settle_by_memory(timeline, now);
  CHECK_FALSE(timeline.growth[0].given_back);
  CHECK(timeline.growth[1].given_back == now);
  CHECK(timeline.growth[2].given_back == now);
  CHECK_FALSE(timeline.growth[3].given_back);
  CHECK_FALSE(timeline.growth[4].given_back);
  CHECK(timeline.growth[5].region == "[stack]");
}

// Exits whose record was lost: slots come back and processes end all the same, once, and nobody who lives is touched.
#include "recorder/targets/lost_ends.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "recorder/sources/thread_slots.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "recorder/window/life_reader.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using namespace std::chrono_literals;
using fdr::test::TestDirectory;

namespace {

constexpr std::int32_t kNobody = 5'000'000;  // and above: more than PID_MAX_LIMIT, so there is no such process
constexpr std::uint32_t kThreads = 8192;

WindowLayout layout() {
  WindowLayout layout;
  layout.slots = 1;
  layout.threads = kThreads;
  layout.rows = layout.spaces = 1;
  layout.chunks.fill(1);
  layout.chunks[FDR_LIFE] = 4;  // room for about 2 500 lives
  return layout;
}

// What a recording does with lives in each tick (recorder/recording/recording.cpp).
struct Lives {
  TestDirectory directory;
  WindowFile window{{directory.path("window")}, layout(), FDR_BACKEND_PERF, 0};
  ThreadSlots slots{window};
  LifeReader reader;
  ProcessTable table{{"web", "db"}};
  LostEnds ends;
  ProcessTable::Changes found;
  Timestamp now = from_ns(100'000'000'000);
  std::uint64_t at = static_cast<std::uint64_t>(to_ns(now));

  ProcessTable::Changes apply(std::vector<fdr_life> life) { return table.apply(std::move(life), {}, now, window.view().threads, kThreads); }

  // What this tick tells of.
  ProcessTable::Changes tick(Duration after) {
    now += after;
    at = static_cast<std::uint64_t>(to_ns(now));
    std::vector<fdr_life> life = reader.read(window.view());
    LostEnds::disown_slots(life, window.view());
    ProcessTable::Changes changes = std::exchange(found, {});
    changes.append(apply(std::move(life)));
    for (const std::uint32_t slot : changes.released) {
      window.view().threads[slot].flags = 0;
      slots.release(slot);
    }
    found = apply(ends.look(window.view(), table, reader.lost_chunks(), now));
    return changes;
  }

  fdr_thread& join(std::int32_t tid, std::int32_t pid, std::uint64_t start = 0) {
    fdr_thread& thread = *slots.attach(tid, pid, 0, start, "worker", FDR_THREAD_ATTACHED, at);
    table.add_existing(pid, 0, {}, now);
    table.add_thread(thread);
    return thread;
  }

  std::uint32_t used() const {
    return static_cast<std::uint32_t>(std::count_if(window.view().threads, window.view().threads + kThreads, [](const fdr_thread& thread) { return thread.flags & FDR_THREAD_USED; }));
  }
};

}  // namespace

TEST_CASE("lost ends: threads that came and went by the thousand between two ticks give all their slots back") {
  Lives lives;
  const std::int32_t self = ::getpid();
  lives.join(self, self);
  lives.tick(1s);
  for (int round = 0; round < 2; ++round) {
    for (std::int32_t tid = kNobody; tid < kNobody + 6000; ++tid) {
      REQUIRE(lives.slots.fork(self, self, tid, self, lives.at));
      lives.slots.exit(tid, FDR_EXIT_UNKNOWN, {}, lives.at);
    }
    const std::size_t told = lives.tick(100ms).released.size();
    CHECK(lives.reader.lost_chunks() > 0);
    CHECK(told < 3000);
    CHECK(lives.used() == 6001 - told);
    CHECK(lives.tick(100ms).released.empty());  // their records may still be on their way
    std::size_t found = 0;
    for (int i = 0; i < 20; ++i) found += lives.tick(100ms).released.size();
    CHECK(found == 6000 - told);
    CHECK(lives.used() == 1);
  }
  CHECK(lives.window.view().control->slots_exhausted == 0);
  CHECK(lives.table.known(self));
  CHECK(lives.table.live_count() == 1);
  lives.table.forget(lives.now + 1s);
  CHECK(lives.table.threads().size() == 1);
  for (std::uint32_t i = 1; i < kThreads; ++i) REQUIRE(lives.slots.attach(kNobody + static_cast<std::int32_t>(i), self, 0, 0, "again", 0, lives.at));
}

TEST_CASE("lost ends: a process that is gone ends, with all its threads, once") {
  Lives lives;
  lives.join(kNobody, kNobody);
  lives.join(kNobody + 1, kNobody);
  lives.join(kNobody + 2, kNobody);
  lives.join(::getpid(), ::getpid(), identity_of(::getpid()).start_boottime_ns);
  fdr_life unseen{};  // a child for whom there was no slot
  unseen.head = {.ns = lives.at, .thread = 0, .len8 = 0, .kind = FDR_LIFE_FORK};
  unseen.tid = unseen.tgid = kNobody + 9;
  unseen.target = 1;
  lives.apply({unseen});
  CHECK(lives.table.live_count() == 3);
  CHECK(lives.tick(100ms).exits.empty());  // found
  CHECK(lives.tick(500ms).exits.empty());
  CHECK(lives.tick(500ms).exits.empty());  // found again
  const ProcessTable::Changes changes = lives.tick(100ms);
  REQUIRE(changes.exits.size() == 2);
  CHECK(changes.exits[0].pid == kNobody);
  CHECK_FALSE(changes.exits[0].wait_status);
  CHECK(changes.exits[1].pid == kNobody + 9);
  CHECK(changes.exits[1].target == 1);
  CHECK(changes.released.size() == 3);
  CHECK(lives.used() == 1);
  CHECK(lives.slots.find(kNobody + 1) == nullptr);
  CHECK(lives.slots.processes().size() == 1);
  CHECK(lives.table.known(::getpid()));
  for (int i = 0; i < 20; ++i) CHECK(lives.tick(1s).exits.empty());
}

TEST_CASE("lost ends: a number that is another's by now is of nobody who was meant") {
  Lives lives;
  const std::int32_t self = ::getpid();
  const std::uint64_t start = identity_of(self).start_boottime_ns;
  REQUIRE(start > 3'000'000'000);
  fdr_thread& before = lives.join(self, self, start - 2'000'000'000);
  const std::uint32_t slot = before.id & FDR_THREAD_SLOT_MASK;
  fdr_thread& after = *lives.slots.attach(kNobody, self, 0, start, "another", FDR_THREAD_ATTACHED, lives.at);
  std::vector<std::uint32_t> released;
  for (int i = 0; i < 4; ++i)
    for (const std::uint32_t one : lives.tick(1s).released) released.push_back(one);
  CHECK(released == std::vector<std::uint32_t>{slot});
  CHECK_FALSE(lives.table.known(self));
  CHECK(lives.slots.find(kNobody) == &after);
}

TEST_CASE("lost ends: an end that is told after all ends nobody else") {
  Lives lives;
  lives.join(::getpid(), ::getpid());
  fdr_thread& thread = lives.join(kNobody, ::getpid());
  const std::uint32_t id = thread.id, slot = id & FDR_THREAD_SLOT_MASK;
  thread.flags |= FDR_THREAD_EXITED;
  lives.tick(6s);
  lives.tick(1s);
  CHECK(lives.tick(100ms).released == std::vector<std::uint32_t>{slot});
  fdr_life late{};
  late.head = {.ns = lives.at, .thread = id, .len8 = 0, .kind = FDR_LIFE_EXIT};
  std::vector<fdr_life> life = {late};
  LostEnds::disown_slots(life, lives.window.view());
  CHECK(life[0].head.thread == 0);
  thread.id += 1 << FDR_THREAD_SLOT_BITS;  // the slot's next thread
  thread.flags = FDR_THREAD_USED;
  life = {late, late};
  life[1].head.thread = thread.id;
  LostEnds::disown_slots(life, lives.window.view());
  CHECK(life[0].head.thread == 0);
  CHECK(life[1].head.thread == thread.id);
}

TEST_CASE("lost ends: what is told in time is told once, and what is not lost costs a look in five seconds") {
  Lives lives;
  const std::int32_t self = ::getpid();
  lives.join(self, self);
  lives.tick(1s);
  lives.slots.fork(self, self, kNobody, self, lives.at);
  const fdr_thread& thread = *lives.slots.find(kNobody);
  lives.tick(100ms);
  lives.slots.exit(kNobody, FDR_EXIT_UNKNOWN, {}, lives.at);
  CHECK(lives.ends.look(lives.window.view(), lives.table, 1, lives.now + 2s).empty());  // seen before its record was read
  CHECK(lives.tick(3s).released == std::vector<std::uint32_t>{thread.id & FDR_THREAD_SLOT_MASK});
  for (int i = 0; i < 20; ++i) CHECK(lives.tick(1s).released.empty());
  lives.join(kNobody, kNobody);
  int ticks = 1;
  while (lives.tick(1s).exits.empty() && ticks < 20) ++ticks;
  CHECK(ticks <= 8);
}

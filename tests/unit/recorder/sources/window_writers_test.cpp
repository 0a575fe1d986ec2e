// What writes a window in user space: the file, threads and their lives, switches, system calls; read back as any window is.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "formats/error.hpp"
#include "recorder/sources/call_account.hpp"
#include "recorder/sources/stack_taker.hpp"
#include "recorder/sources/switch_account.hpp"
#include "recorder/sources/thread_slots.hpp"
#include "recorder/sources/window_file.hpp"
#include "recorder/window/coverage.hpp"
#include "recorder/window/life_reader.hpp"
#include "recorder/window/snapshot.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using fdr::test::TestDirectory;

namespace {

constexpr std::uint64_t kMs = 1'000'000;

WindowLayout small_layout() {
  WindowLayout layout;
  layout.slots = 2;
  layout.threads = 4;
  layout.rows = 8;
  layout.spaces = 2;
  layout.chunks.fill(2);
  return layout;
}

struct Fixture {
  TestDirectory directory;
  WindowFile window{{directory.path("window")}, small_layout(), FDR_BACKEND_PERF, FDR_LACKS_FAILING | 1u << FDR_GROWTH};
  ThreadSlots slots{window};
  SwitchAccount switches{window, slots.rings(), kMs};
  CallAccount calls{window, slots.rings(), 10 * kMs, true};
  fdr_thread& main = *slots.attach(100, 100, 1, 5000, "main", FDR_THREAD_ATTACHED, kMs);

  template <class Record>
  std::vector<Record> records(int ring) const {
    Snapshot snapshot(window.view().layout);
    snapshot.take(window.view(), {});
    std::vector<Record> all;
    for (const ChunkCopy& chunk : snapshot.ring(ring).chunks)
      for (std::size_t at = 0; at < chunk.body.size();) {
        Record record{};
        std::memcpy(static_cast<void*>(&record), chunk.body.data() + at, std::min(sizeof record, chunk.body.size() - at));
        all.push_back(record);
        if constexpr (requires { record.head; }) at += std::size_t{record.head.len8} * 8;
        else at += sizeof record;
      }
    return all;
  }
};

}  // namespace

TEST_CASE("window file: what was written is there for who opens it later, and only whole and of this version") {
  TestDirectory directory;
  const std::string path = directory.path("window");
  {
    Fixture fixture;
    CHECK(fixture.window.problem().empty());
  }
  CHECK(find_window_file({path}).empty());
  std::string bytes;
  {
    const WindowFile window({path}, small_layout(), FDR_BACKEND_PROC, 7);
    window.arrays().threads[3].tid = 4711;
    CHECK(find_window_file({directory.path("other"), path}) == path);
    const FileWindow left(path, "name");
    CHECK(left.window().threads[3].tid == 4711);
    CHECK(left.window().control->backend == FDR_BACKEND_PROC);
    CHECK(left.window().control->lacks == 7);
    CHECK(left.window().layout.chunks == small_layout().chunks);
    bytes = directory.read("window");
  }
  CHECK(::access(path.c_str(), F_OK) != 0);  // an orderly end leaves nothing
  const auto opens = [&](std::string changed) {
    directory.file("window", changed);
    try {
      const FileWindow left(path, "name");
      return true;
    } catch (const Error&) {
      return false;
    }
  };
  CHECK(opens(bytes));
  CHECK_FALSE(opens(bytes.substr(0, bytes.size() - 1)));
  CHECK_FALSE(opens(bytes + "x"));
  CHECK_FALSE(opens(bytes.substr(0, 10)));
  CHECK_FALSE(opens(""));
  for (std::size_t at = 0; at < 60; ++at) {  // mark, version, layout
    if (at == 20) continue;                  // a few rows more find room on the same page
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    CAPTURE(at);
    CHECK_FALSE(opens(damaged));
  }
  const std::string target = directory.file("target", bytes);
  ::unlink(path.c_str());
  REQUIRE(::symlink(target.c_str(), path.c_str()) == 0);
  CHECK(find_window_file({path}).empty());  // a link is never followed
}

TEST_CASE("window file: where no file can be made the window is in memory, and says why") {
  WindowFile window({"/nonexistent/window"}, small_layout(), FDR_BACKEND_PERF, 0);
  CHECK(window.problem().find("/nonexistent/window") != std::string::npos);
  window.renew(from_ns(77));
  CHECK(window.view().control->lease_ns == 77);
}

TEST_CASE("coverage: rings that a backend lacks are not told of, rather than told to be empty") {
  Fixture fixture;
  const auto reports = live_reports(fixture.window.view(), {.span = std::chrono::seconds(60), .armed_at = from_ns(1), .summary_begin = {}, .clock_period_ns = 1}, from_ns(kMs));
  CHECK(reports.contains("stacks"));
  CHECK(reports.contains("summary"));
  CHECK_FALSE(reports.contains("growth"));
  CHECK(std::string(backend_name(fixture.window.view().control->backend)) == "perf");
}

TEST_CASE("thread slots: lives are told once, and a slot is used again only when its end was read") {
  Fixture fixture;
  fdr_thread* child = fixture.slots.fork(100, 100, 101, 101, 2 * kMs);
  REQUIRE(child);
  CHECK(child->target == 1);
  CHECK(fixture.slots.fork(100, 100, 101, 101, 2 * kMs) == child);
  CHECK(fixture.slots.fork(999, 999, 1000, 1000, 2 * kMs) == nullptr);  // of nobody of ours
  fixture.slots.exec(101, "new", "/bin/new", 3 * kMs);
  fixture.slots.fork(0, 101, 102, 101, 4 * kMs);  // whose parent is not known is its process's
  fixture.slots.exit(101, 256, {}, 5 * kMs);
  fixture.slots.exit(102, 256, {}, 6 * kMs);
  fixture.slots.exit(102, 256, {}, 6 * kMs);
  CHECK(fixture.slots.find(102) == nullptr);
  LifeReader reader;
  const std::vector<fdr_life> events = reader.read(fixture.window.view());
  REQUIRE(events.size() == 5);
  CHECK(events[0].head.kind == FDR_LIFE_FORK);
  CHECK(events[0].parent_tgid == 100);
  CHECK(events[1].head.kind == FDR_LIFE_EXEC);
  CHECK(std::string(events[1].path) == "/bin/new");
  CHECK(std::string(events[1].comm) == "new");
  CHECK(events[3].group_dead == 0);
  CHECK(events[4].group_dead == 1);
  CHECK(events[4].exit_code == 256);
  CHECK(fixture.slots.attach(103, 100, 0, 0, "a", 0, kMs) != nullptr);
  CHECK(fixture.slots.attach(104, 100, 0, 0, "b", 0, kMs) == nullptr);  // four slots, two of them dead and not yet given back
  CHECK(fixture.window.view().control->slots_exhausted == 1);
  const std::uint32_t dead = events[3].head.thread;
  fixture.slots.release(dead & FDR_THREAD_SLOT_MASK);
  const fdr_thread* next = fixture.slots.attach(104, 100, 0, 0, "b", 0, kMs);
  REQUIRE(next);
  CHECK(next->id != dead);  // another generation
}

TEST_CASE("thread slots: a thread that execs takes its leader's id") {
  Fixture fixture;
  fixture.slots.fork(100, 100, 105, 100, 2 * kMs);
  fixture.slots.exit(100, FDR_EXIT_UNKNOWN, {}, 3 * kMs);
  fixture.slots.exec(100, "other", "/bin/other", 4 * kMs);
  REQUIRE(fixture.slots.find(100));
  CHECK(fixture.slots.find(105) == nullptr);
  CHECK(fixture.slots.find(100)->tid == 100);
}

TEST_CASE("switches: time on and off the CPU, and a stall for each long gap with its kind") {
  Fixture fixture;
  fixture.switches.in(fixture.main, {10 * kMs, 0, 0});
  fixture.switches.out(fixture.main, 1, {14 * kMs, 0, 0});
  CHECK(fixture.main.cpu_ns == 4 * kMs);
  fixture.switches.in(fixture.main, {14 * kMs + 10, 0, 0});  // too short
  const fdr_stack stack{.kernel_frames = 1, .user_frames = 0, .words = 0, .flags = FDR_STACK_IN_KERNEL, .end = FDR_WALK_ROOT};
  std::vector<std::uint8_t> bytes(16);
  std::memcpy(bytes.data(), &stack, sizeof stack);
  fixture.switches.blocks(fixture.main, bytes);
  fixture.switches.out(fixture.main, 2, {20 * kMs, 0, 0});
  fixture.switches.running(fixture.main, {19 * kMs, 0, 0});  // told late: changes nothing
  CHECK(fixture.main.out_ns == 20 * kMs);
  fixture.switches.in(fixture.main, {50 * kMs, 1, 1});
  fixture.switches.out(fixture.main, 0, {51 * kMs, 1, 1});
  fixture.switches.running(fixture.main, {60 * kMs, 1, 1});  // its way back was lost
  CHECK(fixture.window.view().control->returns_unseen == 1);
  const auto stalls = fixture.records<fdr_stall>(FDR_STALLS);
  REQUIRE(stalls.size() == 2);
  CHECK(stalls[0].head.kind == FDR_STALL_UNINTERRUPTIBLE);
  CHECK(stalls[0].length_ns == 30 * kMs);
  CHECK(stalls[0].has_stack == 1);
  CHECK(stalls[0].stack.kernel_frames == 1);
  CHECK(stalls[1].head.kind == FDR_STALL_RUNNABLE);
  CHECK(stalls[1].has_stack == 0);
  CHECK(fixture.main.involuntary == 1);
  CHECK(fixture.main.voluntary == 2);
}

TEST_CASE("calls: sums by number, failures by errno, what was slow, and what is no call of the thread's") {
  Fixture fixture;
  const std::array<std::uint64_t, 6> arguments = {3, 2, 1, 0, 0, 0};
  const auto call = [&](std::int64_t id, std::int64_t result, std::uint64_t begin, std::uint64_t end) {
    fixture.calls.enter(fixture.main, id, arguments, {begin, 0, 0});
    fixture.calls.leave(fixture.main, id, result, {end, 0, 0});
  };
  fixture.calls.leave(fixture.main, SYS_read, 5, {kMs, 0, 0});  // in flight at attach: counted, without a time
  for (int i = 0; i < 40; ++i) call(SYS_openat, -ENOENT, 2 * kMs, 2 * kMs + 1000);
  call(SYS_read, -EAGAIN, 3 * kMs, 3 * kMs + 1000);
  call(SYS_fsync, 0, 4 * kMs, 24 * kMs);
  call(SYS_futex, 0, 30 * kMs, 90 * kMs);           // waits by nature: never slow
  call(SYS_rt_sigreturn, -1, 91 * kMs, 92 * kMs);   // no failure
  fixture.calls.enter(fixture.main, SYS_exit_group, arguments, {93 * kMs, 0, 0});
  CHECK(fixture.main.calls == 46);
  CHECK(fixture.main.call_errors == 41);
  std::map<std::uint32_t, const fdr_summary_cell*> cells;
  for (std::uint32_t i = 0; i < FDR_SUMMARY_CELLS; ++i)
    if (const fdr_summary_cell& cell = fixture.window.view().summary[i]; cell.key) cells[static_cast<std::uint32_t>(cell.key) & FDR_NR_MASK] = &cell;
  REQUIRE(cells.contains(SYS_openat));
  CHECK(cells[SYS_openat]->calls == 40);
  CHECK(cells[SYS_openat]->errors == 40);
  CHECK(cells[SYS_openat]->wall_ns == 40'000);
  CHECK(cells[SYS_openat]->histogram[1] == 40);  // 512 to 1023 ns
  CHECK(cells[SYS_read]->calls == 2);
  CHECK(cells[SYS_exit_group]->calls == 1);
  CHECK(cells[SYS_rt_sigreturn]->errors == 0);
  const auto slow = fixture.records<fdr_call>(FDR_SLOW);
  REQUIRE(slow.size() == 1);
  CHECK(slow[0].nr == SYS_fsync);
  CHECK(slow[0].wall == 20 * kMs);
  CHECK(slow[0].args[1] == 2);
  CHECK(fixture.records<fdr_call>(FDR_FAILED).size() == 20);  // a burst; EAGAIN is counted only
  CHECK(fixture.records<fdr_syscall>(FDR_SYSCALLS).size() == 44);
  std::map<std::uint16_t, std::uint64_t> errors;
  for (const ErrnoTotal& total : fixture.window.errors()) errors[total.error] += total.count;
  CHECK(errors == std::map<std::uint16_t, std::uint64_t>{{ENOENT, 40}, {EAGAIN, 1}});
}

TEST_CASE("rings: the oldest chunk goes when the ring is full, and a record larger than a chunk is refused") {
  Fixture fixture;
  RingWriter& rings = fixture.slots.rings();
  const std::vector<std::uint8_t> large(FDR_CHUNK_BYTES);
  rings.append(FDR_SLOW, 1, 1, large, kMs);
  CHECK(fixture.window.view().cursor(FDR_SLOW, 1).dropped == 1);
  const fdr_syscall call{.end_ns = 1, .thread = 0, .nr = 0, .ret_high = 0, .ret_low = 0, .wall = 0, .cpu = 0, .argument = 0};
  const std::size_t per_chunk = (FDR_CHUNK_BYTES - FDR_CHUNK_HEADER) / sizeof call;
  for (std::size_t i = 0; i < 3 * per_chunk + 1; ++i) rings.append(FDR_SYSCALLS, 1, 1, {reinterpret_cast<const std::uint8_t*>(&call), sizeof call}, kMs + i);
  Snapshot snapshot(fixture.window.view().layout);
  snapshot.take(fixture.window.view(), {});
  std::size_t kept = 0;
  for (const ChunkCopy& chunk : snapshot.ring(FDR_SYSCALLS).chunks) kept += chunk.body.size() / sizeof call;
  CHECK(kept == per_chunk + 1);
  CHECK(snapshot.ring(FDR_SYSCALLS).covers_since_ns == kMs + 2 * per_chunk);
}

TEST_CASE("stacks: walked from the copy by the window's rows; the copy stays only where the rows do not lead to a root") {
  Fixture fixture;
  const WindowArrays& arrays = fixture.window.arrays();
  arrays.rows[0] = {.pc = 0, .cfa = 2, .rbp = FDR_RBP_SAME, .rule = FDR_ROW_RSP};
  arrays.rows[1] = {.pc = 0x800, .cfa = 0, .rbp = FDR_RBP_SAME, .rule = FDR_ROW_END};
  fdr_space& space = arrays.spaces[1];
  space.count = 1;
  space.segments[0] = {.start = 0x1000, .end = 0x2000, .bias = 0x1000, .first = 0, .count = 2};
  const std::uint64_t words[] = {7, 0x1900, 9, 9};
  PerfRecord sample;
  sample.has_registers = true;
  sample.registers.ip = 0x1010;
  sample.registers.sp = 0x7000;
  sample.kernel_frames = {0xffffffff81000000};
  StackTaker taker(fixture.window.view());
  const auto taken = [&](std::uint32_t in_space, std::size_t bytes, bool whole, std::vector<std::uint64_t>& frames) {
    sample.stack = {reinterpret_cast<const std::uint8_t*>(words), bytes};
    sample.stack_whole = whole;
    const auto record = taker.take(sample, in_space, 16);
    fdr_stack stack;
    std::memcpy(&stack, record.data(), sizeof stack);
    frames.resize((record.size() - sizeof stack) / 8);
    std::memcpy(frames.data(), record.data() + sizeof stack, frames.size() * 8);
    return stack;
  };
  std::vector<std::uint64_t> frames;
  fdr_stack stack = taken(2, 32, false, frames);
  CHECK(stack.end == FDR_WALK_ROOT);
  CHECK(stack.kernel_frames == 1);
  CHECK(stack.user_frames == 2);
  CHECK(frames == std::vector<std::uint64_t>{0xffffffff81000000, 0x1010 | FDR_FRAME_EXACT, 0x1900});
  stack = taken(0, 32, false, frames);  // no rows yet: registers and at most 16 bytes
  CHECK(stack.flags == FDR_STACK_COPIED);
  CHECK(stack.words == 2);
  CHECK(frames.size() == 1 + 8 + 2);
  stack = taken(2, 8, true, frames);  // the stack itself ends there
  CHECK(stack.flags == (FDR_STACK_COPIED | FDR_STACK_WHOLE));
  CHECK(stack.end == FDR_WALK_UNREADABLE);
  CHECK(taken(99, 32, false, frames).flags == FDR_STACK_COPIED);  // a space that there is none of
  space.segments[0].count = FDR_ROWS_PENDING;
  stack = taken(2, 32, false, frames);
  CHECK(stack.flags == FDR_STACK_COPIED);
  CHECK(stack.end == FDR_WALK_NO_ROWS);
  space.segments[0].count = 2;
  space.segments[0].end = 0x1008;
  CHECK(taken(2, 32, false, frames).end == FDR_WALK_NO_MAPPING);
  CHECK(space.strange == 1);
  sample.has_registers = false;
  CHECK(taken(2, 32, false, frames).flags == FDR_STACK_NO_USER);
}

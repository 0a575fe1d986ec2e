#include "recorder/rows/unwind_tables.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "recorder/system/small_file.hpp"
#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

WindowLayout layout(std::uint32_t rows, std::uint32_t spaces) {
  WindowLayout layout = MemoryWindow::small();
  layout.rows = rows;
  layout.spaces = spaces;
  return layout;
}

// Our own process as a target, with two threads in slots 4 and 5.
struct Tables {
  explicit Tables(std::uint32_t rows = 4'000'000, std::uint32_t spaces = 4)
      : window(layout(rows, spaces)), tables(window.view()) {
    table.add_existing(pid, 0, maps, from_ns(1));
    for (const std::uint32_t slot : slots) {
      fdr_thread& thread = window.thread(slot);
      thread.id = thread_id(1, slot);
      thread.tid = thread.tgid = static_cast<std::uint32_t>(pid);
      thread.flags = FDR_THREAD_USED;
      table.add_thread(thread);
    }
  }
  // Until the builder has read all files: it is another thread.
  void build() {
    tables.follow(table, slots, true, now());
    const Timestamp deadline = now() + 60s;
    while (now() < deadline && pending()) {
      std::this_thread::sleep_for(10ms);
      tables.follow(table, slots, false, now());
    }
  }
  const fdr_space& space() { return window.view().spaces[window.thread(slots[0]).space - 1]; }
  bool pending() {
    const fdr_space& own = space();
    return std::any_of(own.segments, own.segments + own.count, [](const fdr_segment& s) { return s.count == FDR_ROWS_PENDING; });
  }
  static Timestamp now() { return MonotonicClock::now(); }

  const std::int32_t pid = ::getpid();
  const std::vector<Mapping> maps = parse_maps(read_small_file("/proc/self/maps", 4u << 20).value());
  const std::vector<std::uint32_t> slots = {4, 5};
  MemoryWindow window;
  ProcessTable table{{"self"}};
  UnwindTables tables;
};

std::uint64_t address_of(void (*function)()) { return reinterpret_cast<std::uint64_t>(function); }
void some_code() {}

}  // namespace

TEST_CASE("unwind tables: the segments of a process lead from its code to its rows") {
  Tables t;
  t.build();
  const fdr_space& space = t.space();
  CHECK(space.seq % 2 == 0);
  REQUIRE(space.count > 2);
  CHECK(t.window.thread(4).space == t.window.thread(5).space);
  for (std::uint32_t i = 1; i < space.count; ++i) CHECK(space.segments[i - 1].end <= space.segments[i].start);
  const auto own = std::find_if(space.segments, space.segments + space.count, [](const fdr_segment& s) {
    return s.start <= address_of(some_code) && address_of(some_code) < s.end;
  });
  REQUIRE(own != space.segments + space.count);
  REQUIRE(own->count > 100);
  REQUIRE(own->count != FDR_ROWS_PENDING);
  // The row of some_code() is one with unwind information: the bias is right.
  const fdr_row* rows = t.window.view().rows + own->first;
  const auto pc = static_cast<fdr_u32>(address_of(some_code) - own->bias);
  const fdr_row* row = std::upper_bound(rows, rows + own->count, pc, [](fdr_u32 at, const fdr_row& r) { return at < r.pc; }) - 1;
  CHECK((row->rule == FDR_ROW_RSP || row->rule == FDR_ROW_RBP));
  CHECK(t.tables.report().files >= 2);
  CHECK(t.tables.report().rows <= t.tables.report().row_room);
}

TEST_CASE("unwind tables: a forked child shares its parent's place until its mappings differ; who ends gives it back") {
  Tables t;
  t.tables.follow(t.table, t.slots, true, t.now());
  const std::uint32_t parent = t.window.thread(4).space;
  fdr_life fork = life_event(FDR_LIFE_FORK, 10, thread_id(1, 6), 999'999, 999'999);
  fork.parent_tgid = static_cast<std::uint32_t>(t.pid);
  t.table.apply({fork}, {}, from_ns(20), t.window.view().threads, 64);
  fdr_thread& child = t.window.thread(6);
  child.tgid = 999'999;
  t.tables.follow(t.table, {4, 5, 6}, true, t.now());
  CHECK(child.space == parent);
  CHECK(t.tables.report().spaces == 1);

  Mapping more;
  more.start = 0x10000;
  more.end = 0x20000;
  more.module = {.kind = ModuleKind::kAnonymous, .path = "[anon]", .build_id = {}};
  more.since = from_ns(30);
  t.table.apply({}, {{SideEvent::kMap, from_ns(30), 999'999, more}}, from_ns(40), t.window.view().threads, 64);
  t.tables.follow(t.table, {4, 5, 6}, true, t.now());
  CHECK(child.space != parent);
  CHECK(t.window.thread(4).space == parent);
  CHECK(t.window.view().spaces[child.space - 1].segments[0].start == 0x10000);
  CHECK(t.window.view().spaces[child.space - 1].segments[0].count == 0);
  CHECK(t.tables.report().spaces == 2);

  fdr_life exit = life_event(FDR_LIFE_EXIT, 50, thread_id(1, 6), 999'999, 999'999);
  exit.group_dead = 1;
  t.table.apply({exit}, {}, from_ns(60), t.window.view().threads, 64);
  t.tables.follow(t.table, {4, 5}, true, t.now());
  CHECK(t.tables.report().spaces == 1);
}

TEST_CASE("unwind tables: the files of a process are held as long as the table knows of it") {
  Tables t;
  t.build();
  const std::size_t held = t.tables.held_files().files().size();
  CHECK(held >= 2);
  fdr_life exit = life_event(FDR_LIFE_EXIT, 50, thread_id(1, 4), static_cast<std::uint32_t>(t.pid), static_cast<std::uint32_t>(t.pid));
  exit.group_dead = 1;
  t.table.apply({exit}, {}, from_ns(60), t.window.view().threads, 64);
  t.tables.follow(t.table, {}, true, t.now());
  t.tables.release_files(t.table);
  CHECK(t.tables.held_files().files().size() == held);
  REQUIRE(t.table.forget(from_ns(70)));
  t.tables.release_files(t.table);
  CHECK(t.tables.held_files().files().empty());
}

TEST_CASE("unwind tables: rows that do not fit are refused, and their files are not walked through") {
  Tables t(8);
  t.build();
  CHECK(t.tables.report().rows <= 8);
  CHECK_FALSE(t.tables.report().refused.empty());
  const fdr_space& space = t.space();
  for (std::uint32_t i = 0; i < space.count; ++i) CHECK((space.segments[i].count <= 8 || space.segments[i].count == FDR_ROWS_PENDING));
}

TEST_CASE("unwind tables: without a place a process is not walked, and that is counted") {
  Tables t(8, 0);
  t.tables.follow(t.table, t.slots, true, t.now());
  CHECK(t.window.thread(4).space == 0);
  CHECK(t.tables.report().homeless > 0);
}

TEST_CASE("unwind tables: walks that met strange code ask for the maps once") {
  Tables t;
  t.tables.follow(t.table, t.slots, true, t.now());
  CHECK(t.tables.strangers(t.table, 16).empty());
  t.window.view().spaces[t.window.thread(4).space - 1].strange++;
  CHECK(t.tables.strangers(t.table, 0).empty());
  CHECK(t.tables.strangers(t.table, 16) == std::vector<std::int32_t>{t.pid});
  CHECK(t.tables.strangers(t.table, 16).empty());
}

TEST_CASE("unwind tables: of more segments than the walk knows the largest stay, in order") {
  Tables t;
  std::vector<Mapping> maps;
  const auto add = [&](std::uint64_t start, std::uint64_t bytes) {
    Mapping mapping;
    mapping.start = start;
    mapping.end = start + bytes;
    mapping.module = {.kind = ModuleKind::kAnonymous, .path = "[anon]", .build_id = {}};
    maps.push_back(mapping);
  };
  for (std::uint64_t i = 0; i < FDR_SEGMENTS + 44; ++i) add(0x10000 + i * 0x2000, 0x1000);
  add(0x7f0000000000, 0x200000);
  t.table.add_existing(999'999, 0, maps, from_ns(1));
  fdr_thread& other = t.window.thread(6);
  other.id = thread_id(1, 6);
  other.tid = other.tgid = 999'999;
  other.flags = FDR_THREAD_USED;
  t.table.add_thread(other);
  t.tables.follow(t.table, {4, 5, 6}, true, t.now());
  REQUIRE(other.space > 0);
  const fdr_space& space = t.window.view().spaces[other.space - 1];
  REQUIRE(space.count == FDR_SEGMENTS);
  CHECK(space.segments[FDR_SEGMENTS - 1].start == 0x7f0000000000);
  for (std::uint32_t i = 1; i < space.count; ++i) CHECK(space.segments[i - 1].end <= space.segments[i].start);
  CHECK(t.tables.report().segments_left_out == 45);
}

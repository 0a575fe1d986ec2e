#include "recorder/targets/process_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

Mapping mapping(std::uint64_t start, const std::string& path, std::uint64_t since = 0) {
  Mapping made;
  made.start = start;
  made.end = start + 0x1000;
  made.module.path = path;
  made.since = from_ns(since);
  return made;
}

SideEvent map_event(std::uint64_t ns, std::int32_t pid, std::uint64_t start, const std::string& path) {
  return {SideEvent::kMap, from_ns(ns), pid, mapping(start, path, ns)};
}
SideEvent exec_event(std::uint64_t ns, std::int32_t pid) { return {SideEvent::kExec, from_ns(ns), pid, {}}; }

fdr_life fork_event(std::uint64_t ns, std::uint32_t thread, std::uint32_t parent, std::uint32_t tgid,
                    std::uint32_t tid = 0) {
  fdr_life event = life_event(FDR_LIFE_FORK, ns, thread, tgid, tid);
  event.parent_tgid = parent;
  event.start_boottime = ns + 5;
  return event;
}

fdr_life exec_life(std::uint64_t ns, std::uint32_t thread, std::uint32_t tgid, const std::string& path) {
  fdr_life event = life_event(FDR_LIFE_EXEC, ns, thread, tgid, tgid, path.substr(path.rfind('/') + 1));
  path.copy(event.path, sizeof event.path);
  return event;
}

fdr_life exit_event(std::uint64_t ns, std::uint32_t thread, std::uint32_t tgid, std::uint32_t tid, bool last,
                    int status = 0) {
  fdr_life event = life_event(FDR_LIFE_EXIT, ns, thread, tgid, tid);
  event.group_dead = last;
  event.exit_code = status;
  return event;
}

struct Fixture {
  ProcessTable table{{"web", "db"}};
  std::vector<fdr_thread> slots = std::vector<fdr_thread>(64);

  ProcessTable::Changes apply(std::vector<fdr_life> life, std::vector<SideEvent> side = {},
                              std::uint64_t until = 1'000'000) {
    return table.apply(std::move(life), std::move(side), from_ns(until), slots.data(),
                       static_cast<std::uint32_t>(slots.size()));
  }
  const TrackedProcess& live(std::int32_t pid) const {
    const auto key = table.live_process(pid);
    REQUIRE(key);
    return table.processes().at(*key);
  }
  // The file mapped at `address` of a process at a time; "-" for none.
  static std::string file_at(const TrackedProcess& process, std::uint64_t address, std::uint64_t ns) {
    const auto space = process.space_at(from_ns(ns));
    const Mapping* found = space ? space->find(address, from_ns(ns)) : nullptr;
    return found ? found->module.path : "-";
  }
};

}  // namespace

TEST_CASE("process table: an existing process, its maps and threads; a second time changes nothing") {
  Fixture f;
  for (int i = 0; i < 2; ++i)
    f.table.add_existing(100, 1, {mapping(0x1000, "/bin/db"), mapping(0x5000, "/lib/c")}, from_ns(50));
  CHECK(f.table.live_count() == 1);
  CHECK(f.live(100).process.target == "db");
  CHECK(f.live(100).spaces.size() == 1);
  CHECK(f.live(100).spaces[0].space->mappings().size() == 2);
  CHECK(Fixture::file_at(f.live(100), 0x5010, 60) == "/lib/c");

  fdr_thread thread{};
  thread.id = thread_id(1, 3);
  thread.tid = thread.tgid = 100;
  thread.start_boottime = 42;
  std::memcpy(thread.comm, "sixteen_letters_", 16);  // no NUL
  f.table.add_thread(thread);
  CHECK(f.table.threads().at(thread.id).name == "sixteen_letters_");
  CHECK(f.live(100).process.name == "sixteen_letters_");
  CHECK(f.live(100).process.start_boottime_ns == 42);
  CHECK(f.table.known(100));
  CHECK(!f.table.known(101));
}

TEST_CASE("process table: fork inherits name, executable and mappings; afterwards each side has its own") {
  Fixture f;
  f.table.add_existing(100, 0, {mapping(0x1000, "/bin/web")}, from_ns(1));
  f.table.describe(100, "/bin/web", {"web", "-v"});
  const auto changes = f.apply({fork_event(10, thread_id(1, 4), 100, 200)},
                               {map_event(20, 200, 0x8000, "/lib/child"), map_event(21, 100, 0x9000, "/lib/parent")});
  CHECK(changes.started == std::vector<std::pair<std::int32_t, std::uint32_t>>{{200, 0}});
  CHECK(changes.armed == std::vector<std::uint32_t>{4});
  const TrackedProcess& child = f.live(200);
  CHECK(child.process.parent == 100);
  CHECK(child.process.executable == "/bin/web");
  CHECK(child.process.command_line == std::vector<std::string>{"web", "-v"});
  CHECK(child.process.target == "web");
  CHECK(child.process.started == from_ns(10));
  CHECK(child.process.start_boottime_ns == 15);
  CHECK(Fixture::file_at(child, 0x1000, 15) == "/bin/web");
  CHECK(Fixture::file_at(child, 0x8000, 30) == "/lib/child");
  CHECK(Fixture::file_at(child, 0x9000, 30) == "-");
  CHECK(Fixture::file_at(f.live(100), 0x8000, 30) == "-");
  CHECK(Fixture::file_at(f.live(100), 0x9000, 30) == "/lib/parent");
  REQUIRE(f.table.life().size() == 1);
  CHECK(f.table.life()[0].kind == LifeKind::kFork);
  CHECK(f.table.life()[0].thread == thread_id(1, 4));
}

TEST_CASE("process table: a new thread of a process is no new process") {
  Fixture f;
  f.table.add_existing(100, 0, {}, from_ns(1));
  const auto changes = f.apply({fork_event(10, thread_id(1, 5), 100, 100, 101)});
  CHECK(changes.started.empty());
  CHECK(changes.armed == std::vector<std::uint32_t>{5});
  CHECK(f.table.processes().size() == 1);
  const TrackedThread& thread = f.table.threads().at(thread_id(1, 5));
  CHECK(thread.tid == 101);
  CHECK(thread.started == from_ns(10));
  CHECK(thread.process == *f.table.live_process(100));
  CHECK(f.table.life().empty());
}

TEST_CASE("process table: exec begins a new address space; the old one serves the time before") {
  Fixture f;
  f.table.add_existing(100, 0, {mapping(0x1000, "/bin/sh")}, from_ns(1));
  const auto changes =
      f.apply({fork_event(5, thread_id(1, 4), 50, 100, 101), exec_life(12, thread_id(1, 4), 100, "/usr/bin/server")},
              {exec_event(10, 100), map_event(11, 100, 0x1000, "/usr/bin/server")});
  CHECK(changes.execed == std::vector<std::int32_t>{100});
  const TrackedProcess& process = f.live(100);
  CHECK(process.process.name == "server");
  CHECK(process.process.executable == "/usr/bin/server");
  CHECK(process.process.command_line.empty());
  CHECK(process.spaces.size() == 2);
  CHECK(Fixture::file_at(process, 0x1000, 9) == "/bin/sh");
  CHECK(Fixture::file_at(process, 0x1000, 13) == "/usr/bin/server");
  CHECK(f.table.threads().at(thread_id(1, 4)).tid == 100);  // took over its leader's id
  CHECK(f.table.threads().at(thread_id(1, 4)).name == "server");
  CHECK(f.table.life().back().text == "/usr/bin/server");
}

TEST_CASE("process table: a path without an end is bounded by its field") {
  Fixture f;
  f.table.add_existing(100, 0, {}, from_ns(1));
  f.apply({exec_life(12, 1, 100, "/" + std::string(300, 'x'))});
  CHECK(f.live(100).process.executable.size() == sizeof(fdr_life::path));
}

TEST_CASE("process table: the order of events is restored, within and between the two streams") {
  // fork of a child, its exec and mapping: told backwards, the mapping still lands in the child's new address space.
  Fixture f;
  f.table.add_existing(100, 0, {mapping(0x1000, "/bin/sh")}, from_ns(1));
  f.apply({exec_life(30, thread_id(1, 4), 200, "/bin/ls"), fork_event(10, thread_id(1, 4), 100, 200)},
          {map_event(25, 200, 0x1000, "/bin/ls"), exec_event(20, 200)});
  const TrackedProcess& child = f.live(200);
  CHECK(child.spaces.size() == 2);
  CHECK(Fixture::file_at(child, 0x1000, 15) == "/bin/sh");
  CHECK(Fixture::file_at(child, 0x1000, 40) == "/bin/ls");
  CHECK(Fixture::file_at(f.live(100), 0x1000, 40) == "/bin/sh");
  CHECK(child.process.executable == "/bin/ls");
}

TEST_CASE("process table: events later than `until` wait for the next time, and meet those that come late") {
  Fixture f;
  f.table.add_existing(100, 0, {}, from_ns(1));
  auto changes = f.apply({}, {map_event(60, 200, 0x1000, "/bin/late")}, 50);
  changes = f.apply({fork_event(55, thread_id(1, 4), 100, 200)}, {}, 50);
  CHECK(changes.started.empty());
  CHECK(!f.table.known(200));
  changes = f.apply({}, {}, 100);
  CHECK(changes.started.size() == 1);
  CHECK(Fixture::file_at(f.live(200), 0x1000, 70) == "/bin/late");
  CHECK(f.apply({}, {}, 200).started.empty());  // once
}

TEST_CASE("process table: mappings of processes that are nobody's target are not kept") {
  Fixture f;
  f.apply({}, {map_event(5, 999, 0x1000, "/bin/other"), exec_event(6, 999)});
  CHECK(f.table.processes().empty());
}

TEST_CASE("process table: the end of a thread releases its slot and closes its account") {
  Fixture f;
  f.table.add_existing(100, 0, {}, from_ns(1));
  f.apply({fork_event(10, thread_id(1, 5), 100, 100, 101)});
  f.slots[5].id = thread_id(1, 5);
  f.slots[5].cpu_ns = 777;
  const auto changes = f.apply({exit_event(20, thread_id(1, 5), 100, 101, false)});
  CHECK(changes.released == std::vector<std::uint32_t>{5});
  CHECK(changes.exits.empty());
  CHECK(f.table.threads().at(thread_id(1, 5)).ended == from_ns(20));
  CHECK(f.table.threads().at(thread_id(1, 5)).account.cpu_ns == 777);
  CHECK(f.table.known(100));
}

TEST_CASE("process table: a slot that is somebody else's by now does not spoil the account") {
  Fixture f;
  f.table.add_existing(100, 0, {}, from_ns(1));
  f.apply({fork_event(10, thread_id(1, 5), 100, 100, 101), fork_event(11, thread_id(1, 9999), 100, 100, 102)});
  f.slots[5].id = thread_id(2, 5);
  f.slots[5].cpu_ns = 777;
  f.apply({exit_event(20, thread_id(1, 5), 100, 101, false), exit_event(21, thread_id(1, 9999), 100, 102, false)});
  CHECK(f.table.threads().at(thread_id(1, 5)).account.cpu_ns == 0);
  CHECK(f.table.threads().at(thread_id(1, 9999)).ended);  // beyond the array: not looked up
}

TEST_CASE("process table: the end of a process, with its status and its CPU time") {
  Fixture f;
  f.apply({fork_event(10, thread_id(1, 4), 50, 200)});
  fdr_life end = exit_event(20, thread_id(1, 4), 200, 200, true, 139);
  end.user_ns = 1'500'000'000;
  end.system_ns = 250'000'000;
  end.target = 1;
  const auto changes = f.apply({end});
  REQUIRE(changes.exits.size() == 1);
  CHECK(changes.exits[0].pid == 200);
  CHECK(changes.exits[0].target == 1);
  CHECK(changes.exits[0].wait_status == 139);
  CHECK(changes.exits[0].time == from_ns(20));
  CHECK(changes.exits[0].user_s == doctest::Approx(1.5));
  CHECK(changes.exits[0].system_s == doctest::Approx(0.25));
  CHECK(!f.table.known(200));
  CHECK(f.table.processes().begin()->second.process.ended == from_ns(20));
  CHECK(f.table.processes().begin()->second.process.wait_status == 139);
  CHECK(f.table.life().back().kind == LifeKind::kExit);
  CHECK(f.table.life().back().value == 139);
}

TEST_CASE("process table: when a pid is used again, each thread id still names its own process") {
  Fixture f;
  const std::uint32_t first = thread_id(1, 4), second = thread_id(2, 4);  // the slot is used again too
  f.apply(
      {fork_event(10, first, 50, 200), exec_life(12, first, 200, "/bin/first"), exit_event(20, first, 200, 200, true),
       fork_event(30, second, 50, 200), exec_life(32, second, 200, "/bin/second")},
      {map_event(11, 200, 0x1000, "/bin/first"), map_event(31, 200, 0x1000, "/bin/second")});
  CHECK(f.table.processes().size() == 2);
  const TrackedProcess& old = f.table.processes().at(f.table.threads().at(first).process);
  const TrackedProcess& current = f.table.processes().at(f.table.threads().at(second).process);
  CHECK(old.process.executable == "/bin/first");
  CHECK(current.process.executable == "/bin/second");
  CHECK(Fixture::file_at(old, 0x1000, 15) == "/bin/first");
  CHECK(Fixture::file_at(current, 0x1000, 35) == "/bin/second");
  CHECK(old.process.ended);
  CHECK(!current.process.ended);
  CHECK(*f.table.live_process(200) == f.table.threads().at(second).process);
}

TEST_CASE("process table: a pid whose end was lost is used again: the first process has ended by then") {
  constexpr std::uint64_t kSecondNs = 1'000'000'000;
  Fixture f;
  f.apply({fork_event(kSecondNs, thread_id(1, 4), 50, 200), fork_event(5 * kSecondNs, thread_id(2, 5), 50, 200)}, {}, 10 * kSecondNs);
  REQUIRE(f.table.processes().size() == 2);
  CHECK(f.table.processes().at(f.table.threads().at(thread_id(1, 4)).process).process.ended == from_ns(5 * kSecondNs));
  CHECK_FALSE(f.live(200).process.ended);
  CHECK(f.table.live_count() == 1);
}

TEST_CASE("process table: who was found in /proc before his fork was told of is one process") {
  Fixture f;
  f.table.add_existing(200, 0, {mapping(0x1000, "/bin/web")}, from_ns(40));
  f.table.describe(200, "/bin/web", {"web", "-x"});
  f.apply({fork_event(10, thread_id(1, 4), 50, 200)});
  REQUIRE(f.table.processes().size() == 1);
  CHECK(f.live(200).process.parent == 50);
  CHECK(f.live(200).process.started == from_ns(10));
  CHECK(f.live(200).process.command_line == std::vector<std::string>{"web", "-x"});
  CHECK(Fixture::file_at(f.live(200), 0x1000, 50) == "/bin/web");
  CHECK(f.apply({exit_event(60, thread_id(1, 4), 200, 200, true)}).exits.size() == 1);
  CHECK(f.table.live_count() == 0);
}

TEST_CASE("process table: a copy does not see what comes after") {
  Fixture f;
  f.table.add_existing(100, 0, {mapping(0x1000, "/bin/web")}, from_ns(1));
  const ProcessTable copy = f.table;
  f.apply({exec_life(12, 1, 100, "/bin/new")}, {map_event(20, 100, 0x1000, "/lib/new")});
  const TrackedProcess& before = copy.processes().begin()->second;
  CHECK(Fixture::file_at(before, 0x1000, 30) == "/bin/web");
  CHECK(before.process.executable.empty());
  CHECK(Fixture::file_at(f.live(100), 0x1000, 30) == "/lib/new");
}

TEST_CASE("process table: what ended before the window is forgotten, the rest is not") {
  Fixture f;
  f.apply({fork_event(10, thread_id(1, 1), 50, 201), exit_event(20, thread_id(1, 1), 201, 201, true),
           fork_event(11, thread_id(1, 2), 50, 202), exit_event(40, thread_id(1, 2), 202, 202, true),
           fork_event(12, thread_id(1, 3), 50, 203)});
  REQUIRE(f.table.life().size() == 5);
  CHECK_FALSE(f.table.forget(from_ns(15)));
  CHECK(f.table.forget(from_ns(30)));
  CHECK(f.table.processes().size() == 2);
  CHECK(f.table.threads().size() == 2);
  CHECK(!f.table.threads().contains(thread_id(1, 1)));
  CHECK(f.table.known(203));
  REQUIRE(f.table.life().size() == 1);
  CHECK(f.table.life()[0].time == from_ns(40));
}

TEST_CASE("process table: is bounded, and counts what it refused") {
  Fixture f;
  std::vector<fdr_life> forks;
  for (std::uint32_t i = 0; i < ProcessTable::kMaxProcesses + 10; ++i)
    forks.push_back(fork_event(10 + i, 0, 1, 1000 + i));
  f.apply(std::move(forks));
  CHECK(f.table.processes().size() == ProcessTable::kMaxProcesses);
  CHECK(f.table.refused() == 10);
}

TEST_CASE("process table: who makes room may be a process whose pid lives again; that one is still known") {
  Fixture f;
  constexpr std::uint32_t kReused = 1000;
  f.apply({fork_event(1, thread_id(1, 1), 50, kReused), exit_event(2, thread_id(1, 1), kReused, kReused, true)});
  std::vector<fdr_life> forks;
  for (std::uint32_t i = 0; i + 1 < ProcessTable::kMaxProcesses; ++i) forks.push_back(fork_event(10 + i, 0, 1, kReused + i));
  f.apply(std::move(forks));
  CHECK(f.table.processes().size() == ProcessTable::kMaxProcesses);
  CHECK(f.table.refused() == 0);
  const auto key = f.table.live_process(kReused);
  REQUIRE(key);
  f.apply({fork_event(500'000, 0, 1, 900)});
  CHECK(f.table.refused() == 1);
  CHECK(f.table.processes().size() == ProcessTable::kMaxProcesses);
  CHECK(f.table.live_process(kReused) == key);
  CHECK(!f.live(kReused).process.ended);
  CHECK(f.table.known(900));
}

TEST_CASE("process table: one that execs for ever is of the window's size; the program that ran at its begin is still known") {
  Fixture f;
  f.table.add_existing(100, 0, {mapping(0x1000, "/bin/0")}, from_ns(1));
  std::vector<SideEvent> side;
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    side.push_back(exec_event(10 * i, 100));
    side.push_back(map_event(10 * i + 1, 100, 0x1000, "/bin/" + std::to_string(i)));
    if (i % 1000) continue;
    f.apply({}, std::move(side), 10 * i + 5);
    side.clear();
    CHECK(f.table.forget(from_ns(10 * i - 55)));
    REQUIRE(f.live(100).spaces.size() < 8);
    CHECK(Fixture::file_at(f.live(100), 0x1000, 10 * i - 55) == "/bin/" + std::to_string(i - 6));
    CHECK(Fixture::file_at(f.live(100), 0x1000, 10 * i + 5) == "/bin/" + std::to_string(i));
  }
  f.table.forget(from_ns(2'000'000));
  CHECK(f.live(100).spaces.size() == 1);
  CHECK_FALSE(f.table.forget(from_ns(2'000'001)));
  CHECK(Fixture::file_at(f.live(100), 0x1000, 2'000'001) == "/bin/100000");
}

TEST_CASE("process table: an event of no known kind is passed over") {
  Fixture f;
  const auto changes = f.apply({life_event(77, 5, thread_id(1, 1), 200)});
  CHECK(f.table.processes().empty());
  CHECK(changes.released.empty());
  CHECK(changes.armed.empty());
}

TEST_CASE("process table: of more mappings than find room the largest stay, and the others are counted") {
  Fixture f;
  std::vector<Mapping> maps;
  for (std::size_t i = 0; i < AddressSpace::kMaxMappings + 100; ++i) maps.push_back(mapping(0x10000 + i * 0x2000, "/bin/jit"));
  Mapping library = mapping(0x7f0000000000, "/lib/c");
  library.end = library.start + 0x200000;
  maps.push_back(library);
  f.table.add_existing(100, 0, maps, from_ns(1));
  const auto space = f.table.processes().begin()->second.spaces.back().space;
  REQUIRE(space->find(library.start + 0x100000, from_ns(2)));
  CHECK(space->find(library.start + 0x100000, from_ns(2))->module.path == "/lib/c");
  CHECK(space->find(0x10000, from_ns(2)));  // of those of one size the lowest
  CHECK(space->refused() == 101);
}

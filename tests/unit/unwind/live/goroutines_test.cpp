#include "unwind/live/goroutines.hpp"

#include <doctest/doctest.h>

#include "tests/unit/unwind/live/made_up_process.hpp"
#include "tests/unit/unwind/made_up_go.hpp"

using namespace fdr;
using test::GoCode;
using test::MadeUpGo;
using test::MadeUpProcess;

namespace {

constexpr std::uint64_t kAll = 0x500000, kPointers = 0x510000, kStructs = 0x600000, kStacks = 0x700000, kStackSize = 0x2000;
constexpr std::uint64_t kBias = 0x10000000;
// Of MadeUpGo, in the order in which they are added.
constexpr std::uint64_t kPark = 0x1000, kWait = 0x1040, kExit = 0x1080, kStart = 0x10c0, kHuge = 0x1100;
constexpr std::uint32_t kRunning = 2, kWaiting = 4, kDead = 6;

GoCode code(std::string name, std::int64_t moved, std::uint8_t flags = 0) {
  GoCode made;
  made.name = std::move(name);
  made.size = 0x40;
  made.steps = {{0x40, moved}};
  made.flags = flags;
  made.file = "/src/" + made.name + ".go";
  made.lines = {{0x20, 12}, {0x20, 34}};
  return made;
}

// A program with one stack in which main.wait called runtime.gopark, over and over for as many goroutines as are added.
struct Program {
  MadeUpProcess process;
  GoRuntime runtime;
  std::unique_ptr<ElfImage> image;
  std::optional<GoPclntab> table;
  std::uint64_t count = 0;

  Program() {
    MadeUpGo go(20);
    go.add(code("runtime.gopark", 8));
    go.add(code("main.wait", 16));
    go.add(code("runtime.goexit", 0, kGoTopFrame));
    go.add(code("main.start", 8));
    go.add(code("main.huge", 0x1800));
    image = go.image();
    std::string problem;
    table = GoPclntab::of(*image, &problem);
    REQUIRE_MESSAGE(table, problem);
    runtime.bias = kBias;
    runtime.all_goroutines = kAll;
    runtime.wait_reasons = {"", "chan send"};
    runtime.g = {.size = 96, .stack_low = 0, .stack_high = 8, .sched_sp = 16, .sched_pc = 24, .syscall_sp = 32, .syscall_pc = 40,
                 .status = 48, .id = 56, .wait_since = 64, .wait_reason = 52, .go_pc = 72, .start_pc = 80};
    process.area(kAll, 24);
    process.area(kPointers, 8 * 1000);
    process.area(kStructs, 96 * 1000);
    process.area(kStacks, kStackSize * 100);
    process.put(kAll, kPointers);
  }

  std::uint64_t g(std::uint64_t index) const { return kStructs + index * 96; }
  std::uint64_t stack(std::uint64_t index) const { return kStacks + index * kStackSize; }

  // Parked: in runtime.gopark, called by main.wait, called by runtime.goexit.
  void add(std::uint32_t status = kWaiting) {
    const std::uint64_t at = g(count), sp = stack(count) + 0x100;
    process.put(at, stack(count));
    process.put(at + 8, stack(count) + kStackSize);
    process.put(at + 16, sp);
    process.put(at + 24, kBias + kPark + 0x11);
    process.put(at + 48, status);
    process.put(at + 52, std::uint8_t{1});
    process.put(at + 56, count + 2);  // 1 is made by no go statement
    process.put(at + 64, std::uint64_t{5'000'000'000});
    process.put(at + 72, kBias + kStart + 0x21);
    process.put(at + 80, kBias + kWait);
    process.put(sp + 8, kBias + kWait + 0x21);
    process.put(sp + 16 + 16, kBias + kExit + 1);
    process.put(kPointers + count * 8, at);
    process.put(kAll + 8, ++count);
  }

  Goroutines read() { return read_goroutines(runtime, *table, process.memory()); }
  std::vector<GoroutineGroup> groups() { return grouped(read(), runtime, GoPlaces(*image, *table)); }
};

}  // namespace

TEST_CASE("goroutines are grouped by where they stand, what they wait for and who made them") {
  Program program;
  for (int i = 0; i < 40; ++i) program.add();
  program.add(kDead);
  program.add(kWaiting);
  program.process.put(program.g(41) + 52, std::uint8_t{9});  // a reason the program has no text for
  const auto groups = program.groups();
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].count == 40);
  CHECK(groups[0].walked == 40);
  CHECK(groups[0].wait == "chan send");
  CHECK(groups[0].function == "main.wait");
  CHECK(groups[0].place == "/src/main.wait.go:34");
  CHECK(groups[0].created_by == "main.start");
  CHECK(groups[0].created_place == "/src/main.start.go:34");
  CHECK(groups[0].oldest_wait == 5'000'000'000);
  CHECK(!groups[0].system);
  CHECK(groups[0].stack ==
        std::vector<std::string>{"main.wait /src/main.wait.go:34", "runtime.gopark /src/runtime.gopark.go:12"});
  CHECK(groups[1].count == 1);
}

TEST_CASE("one that runs has no stack; it is shown by the function that it began with") {
  Program program;
  program.add();
  program.add(kRunning);
  const auto groups = program.groups();
  REQUIRE(groups.size() == 2);
  const GoroutineGroup& running = groups[0].wait == "running" ? groups[0] : groups[1];
  CHECK(running.wait == "running");
  CHECK(running.function == "main.wait");
  CHECK(running.walked == 0);
  CHECK(running.stack.empty());
}

TEST_CASE("a stack is followed across what is copied of it at a time, and a frame larger than that") {
  Program program;
  program.add();
  const std::uint64_t sp = program.stack(0) + 0x100;
  program.process.put(sp + 8, kBias + kHuge + 1);                         // gopark was called by main.huge,
  program.process.put(sp + 16 + 0x1800, kBias + kWait + 1);               // main.huge by main.wait,
  program.process.put(sp + 16 + 0x1800 + 8 + 16, kBias + kExit + 1);      // which began it
  const Goroutines read = program.read();
  REQUIRE(read.all.size() == 1);
  CHECK(read.all[0].walked);
  CHECK(read.all[0].frames == std::vector<std::uint64_t>{kBias + kPark + 0x10, kBias + kHuge, kBias + kWait});
}

TEST_CASE("whoever moves on while being read has no stack rather than a wrong one") {
  Program program;
  program.add();
  const RemoteMemory memory = program.process.memory();
  int structs = 0;
  const Goroutines read = read_goroutines(program.runtime, *program.table, [&](std::span<RemotePart> parts) {
    memory(parts);
    if (parts[0].address == program.g(0) && structs++ == 0) program.process.put(program.g(0) + 16, program.stack(0) + 0x200);
  });
  REQUIRE(read.all.size() == 1);
  CHECK(structs == 2);
  CHECK(read.all[0].frames.empty());
  CHECK(!read.all[0].walked);
}

TEST_CASE("memory that lies: counts, pointers and stacks out of this world") {
  Program program;
  program.add();
  program.add();
  SUBCASE("a length beyond any") {
    program.process.put(kAll + 8, std::uint64_t{1} << 50);
    CHECK(program.read().problem == "runtime.allgs does not hold together");
  }
  SUBCASE("the table itself cannot be read") {
    program.runtime.all_goroutines = 0x10;
    CHECK(program.read().problem == "its memory cannot be read");
  }
  SUBCASE("its array cannot") {
    program.process.put(kAll, std::uint64_t{0x10});
    const Goroutines read = program.read();
    CHECK(read.all.empty());
    CHECK(read.unread == 2);
  }
  SUBCASE("a pointer to nowhere") {
    program.process.put(kPointers, std::uint64_t{0x8});
    const Goroutines read = program.read();
    CHECK(read.all.size() == 1);
    CHECK(read.unread == 1);
    CHECK(read.in_all == 2);
  }
  SUBCASE("stack pointers outside the stack, unaligned, and none") {
    program.process.put(program.g(0) + 16, ~std::uint64_t{7});
    program.process.put(program.g(1) + 16, program.stack(1) + 0x101);
    for (const Goroutine& one : program.read().all) CHECK(one.frames.empty());
  }
  SUBCASE("a stack that ends nowhere, whose top is a lie") {
    program.process.put(program.g(0) + 8, ~std::uint64_t{0});
    CHECK(program.read().all.size() == 2);
  }
  SUBCASE("a return address that is no code") {
    program.process.put(program.stack(0) + 0x108, std::uint64_t{0xdeadbeef});
    const Goroutines read = program.read();
    CHECK(read.all[0].frames.size() == 1);
    CHECK(!read.all[0].walked);
    CHECK(read.all[1].walked);
  }
  SUBCASE("a stack of one function that calls itself for ever") {
    for (std::uint64_t at = 0; at < kStackSize; at += 8) program.process.put(program.stack(0) + at, kBias + kWait + 1);
    const Goroutines read = program.read();
    CHECK(read.all[0].frames.size() == kMaxGoFrames);
    CHECK(!read.all[0].walked);
  }
}

TEST_CASE("more goroutines than are kept: said") {
  Program program;
  program.add();
  const std::uint64_t many = kMaxGoroutines + 5000;
  program.process.repeat(0x40000000, program.g(0), many);
  program.process.put(kAll, std::uint64_t{0x40000000});
  program.process.put(kAll + 8, many);
  const Goroutines read = program.read();
  CHECK(read.cut);
  CHECK(read.all.size() == kMaxGoroutines);
  CHECK(read.in_all == many);
}

TEST_CASE("the count takes one call where it is known what to subtract") {
  Program program;
  for (int i = 0; i < 10; ++i) program.add();
  program.process.area(0x900000, 64);
  program.process.put(0x900000, std::uint32_t{3});
  program.process.put(0x900020, std::uint32_t{2});
  program.runtime.not_counted = {0x900000, 0x900020};
  program.process.calls = 0;
  CHECK(count_goroutines(program.runtime, program.process.memory()) == 5);
  CHECK(program.process.calls == 1);
  program.process.put(0x900020, std::uint32_t{1000});
  CHECK(count_goroutines(program.runtime, program.process.memory()) == 1);  // read while it changed: one at least lives
  program.runtime.not_counted.push_back(0x10);
  CHECK(!count_goroutines(program.runtime, program.process.memory()));
}

TEST_CASE("else each goroutine is looked at, unless there are too many") {
  Program program;
  for (int i = 0; i < 10; ++i) program.add(i < 4 ? kDead : kWaiting);
  CHECK(count_goroutines(program.runtime, program.process.memory()) == 6);
  program.process.put(kAll + 8, std::uint64_t{kMaxCountedOneByOne} + 1);
  CHECK(!count_goroutines(program.runtime, program.process.memory()));
  program.runtime.problem = "stripped";
  CHECK(!count_goroutines(program.runtime, program.process.memory()));
  CHECK(program.read().problem == "stripped");
}

TEST_CASE("a table that was far longer once is looked at in part: said") {
  Program program;
  const std::uint64_t many = 2'100'000;
  program.add(kDead);
  program.process.repeat(0x40000000, program.g(0), many);
  program.process.put(kAll, std::uint64_t{0x40000000});
  program.process.put(kAll + 8, many);
  const Goroutines read = program.read();
  CHECK(read.cut);
  CHECK(read.all.empty());
  CHECK(read.in_all == many);
}

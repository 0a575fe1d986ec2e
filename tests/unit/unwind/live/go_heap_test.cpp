#include "unwind/live/go_heap.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/unit/unwind/live/made_up_process.hpp"
#include "tests/unit/unwind/made_up_go.hpp"

using namespace fdr;
using test::GoCode;
using test::MadeUpGo;
using test::MadeUpProcess;

namespace {

constexpr std::uint64_t kHead = 0x500000, kRate = 0x500008, kBuckets = 0x600000, kApart = 0x200;
constexpr std::uint64_t kMake = 0x1000, kLeak = 0x1040, kChurn = 0x1080;
constexpr std::uint64_t kEvery = 512 << 10;

struct Program {
  MadeUpProcess process;
  GoRuntime runtime;
  std::unique_ptr<ElfImage> image;
  std::optional<GoPclntab> table;

  Program() {
    MadeUpGo go(18);
    for (const char* name : {"runtime.makeslice", "main.leak", "main.churn"}) {
      GoCode made;
      made.name = name;
      made.size = 0x40;
      made.steps = {{0x40, 8}};
      made.file = "/src/main.go";
      made.lines = {{0x40, 7}};
      go.add(std::move(made));
    }
    image = go.image();
    std::string problem;
    table = GoPclntab::of(*image, &problem);
    REQUIRE_MESSAGE(table, problem);
    runtime.buckets = kHead;
    runtime.profile_rate = kRate;
    process.area(kHead, 16);
    process.area(kBuckets, 0x4000);
    process.put(kRate, kEvery);
  }

  // The `index`th, before those that were added already.
  void bucket(std::uint64_t index, std::vector<std::uint64_t> stack, std::uint64_t size, std::uint64_t allocated,
              std::uint64_t freed) {
    const std::uint64_t at = kBuckets + index * kApart;
    process.put(at + 8, *read_remote<std::uint64_t>(process.memory(), kHead));
    process.put(at + 16, std::uint64_t{1});
    process.put(at + 32, size);
    process.put(at + 40, static_cast<std::uint64_t>(stack.size()));
    counts(index, stack.size(), size, allocated, freed);
    for (std::size_t i = 0; i < stack.size(); ++i) process.put(at + 48 + i * 8, stack[i]);
    process.put(kHead, at);
  }
  void counts(std::uint64_t index, std::size_t depth, std::uint64_t size, std::uint64_t allocated, std::uint64_t freed) {
    const std::uint64_t at = kBuckets + index * kApart + 48 + depth * 8;
    process.put(at, allocated), process.put(at + 8, freed);
    process.put(at + 16, allocated * size), process.put(at + 24, freed * size);
  }

  HeapProfile read() { return read_heap(runtime, process.memory()); }
};

}  // namespace

TEST_CASE("what grew is the site that keeps, not the one that allocates most; scaled by how rarely it is sampled") {
  Program program;
  program.bucket(0, {kMake + 1, kLeak + 9}, 1024, 10, 0);
  program.bucket(1, {kMake + 1, kChurn + 9}, 1 << 20, 1000, 950);
  const HeapProfile start = program.read();
  CHECK(start.problem == "");
  CHECK(start.rate == kEvery);
  program.counts(0, 2, 1024, 30, 0);
  program.counts(1, 2, 1 << 20, 5000, 4950);
  const auto sites = heap_sites(start, program.read(), program.runtime, GoPlaces(*program.image, *program.table));
  REQUIRE(sites.size() == 2);
  const double small = 1 / (1 - std::exp(-1024.0 / kEvery)), large = 1 / (1 - std::exp(-2.0));
  CHECK(sites[0].function == "main.leak");
  CHECK(sites[0].place == "/src/main.go:7");
  CHECK(sites[0].grown_bytes == doctest::Approx(20 * 1024 * small));
  CHECK(sites[0].in_use_bytes == doctest::Approx(30 * 1024 * small));
  CHECK(sites[1].function == "main.churn");
  CHECK(sites[1].grown_bytes == doctest::Approx(0));
  CHECK(sites[1].allocated_bytes == doctest::Approx(5000.0 * (1 << 20) * large));
  CHECK(sites[1].allocated_since_bytes == doctest::Approx(4000.0 * (1 << 20) * large));
  CHECK(sites[1].stack == std::vector<std::string>{"main.churn /src/main.go:7"});

  const auto alone = heap_sites({}, program.read(), program.runtime, GoPlaces(*program.image, *program.table));
  CHECK(alone[0].function == "main.churn");  // by what is in use
  CHECK(alone[0].grown_bytes == 0);
}

TEST_CASE("a program that keeps no profile, or whose profile cannot be found, says so") {
  Program program;
  program.process.put(kRate, std::uint64_t{0});
  CHECK(program.read().problem.starts_with("the program keeps no memory profile"));
  program.runtime.heap_problem = "stripped";
  CHECK(program.read().problem == "stripped");
}

TEST_CASE("a list in a circle, of another type, with an impossible stack, or that leads nowhere ends") {
  Program program;
  program.bucket(0, {kLeak + 9}, 1024, 10, 0);
  program.bucket(1, {kChurn + 9}, 1024, 10, 0);
  const std::uint64_t last = kBuckets, first = kBuckets + kApart;
  SUBCASE("circle") { program.process.put(last + 8, first); }
  SUBCASE("type") { program.process.put(last + 16, std::uint64_t{2}); }
  SUBCASE("stack") { program.process.put(last + 40, std::uint64_t{1} << 60); }
  SUBCASE("nowhere") { program.process.put(last + 8, std::uint64_t{0x10}); }
  const HeapProfile read = program.read();
  CHECK(read.problem == "the memory profile does not hold together");
  CHECK(read.buckets.size() >= 1);
}

TEST_CASE("an unreadable page ends the profile, and what was read stays") {
  Program program;
  program.bucket(0, {kLeak + 9}, 1024, 10, 0);
  program.bucket(1, {kChurn + 9}, 1024, 10, 0);
  program.process.area(0x700000, 0x1000);
  program.process.put(kBuckets + 8, std::uint64_t{0x700fd0});  // a bucket's head at the end of a page, its stack behind it
  program.process.put(0x700fd0 + 16, std::uint64_t{1});
  program.process.put(0x700fd0 + 40, std::uint64_t{4});
  const HeapProfile read = program.read();
  CHECK(read.problem == "part of the memory profile cannot be read");
  CHECK(read.buckets.size() == 2);
}

// Sampled allocations: which functions are probed, what a sample stands for, and how blocks become rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "formats/error.hpp"
#include "formats/held.hpp"
#include "recorder/decode/decoder.hpp"
#include "recorder/heap/allocator_functions.hpp"
#include "recorder/heap/heap_probes.hpp"
#include "recorder/heap/heap_reading.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/window/layout.hpp"

using namespace fdr;

namespace {

const AllocatorFunction* named(const std::vector<AllocatorFunction>& functions, const std::string& name) {
  const auto found = std::find_if(functions.begin(), functions.end(), [&](const AllocatorFunction& one) { return one.name == name; });
  return found == functions.end() ? nullptr : &*found;
}

std::vector<AllocatorFunction> functions_in(const std::string& path) {
  std::string problem;
  const auto image = ElfImage::open(path, &problem);
  REQUIRE_MESSAGE(image, problem);
  return allocator_functions(*image);
}

// Of the library of that name which this test runs with.
std::string own_library(const std::string& name) {
  for (const Mapping& mapping : parse_maps(read_small_file("/proc/self/maps").value_or("")))
    if (mapping.module.path.find(name) != std::string::npos) return mapping.module.path;
  return "";
}

}  // namespace

TEST_CASE("allocator functions: those of the C library, with what each takes") {
  const auto functions = functions_in(own_library("/libc.so"));
  const std::pair<const char*, int> wanted[] = {{"malloc", FDR_HEAP_MALLOC}, {"calloc", FDR_HEAP_CALLOC}, {"posix_memalign", FDR_HEAP_POSIX}, {"free", FDR_HEAP_FREE}};
  for (const auto& [name, call] : wanted) {
    CAPTURE(name);
    REQUIRE(named(functions, name));
    CHECK(named(functions, name)->cookie == static_cast<std::uint64_t>(call));
  }
  // glibc's realloc of no block ends in malloc: it must not be counted twice.
  REQUIRE(named(functions, "realloc"));
  CHECK(named(functions, "realloc")->cookie == (FDR_HEAP_REALLOC | FDR_HEAP_NULL_CALLS_MALLOC));
  CHECK(std::is_sorted(functions.begin(), functions.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; }));
  CHECK(std::adjacent_find(functions.begin(), functions.end(), [](const auto& a, const auto& b) { return a.offset == b.offset; }) == functions.end());
}

TEST_CASE("allocator functions: C++'s operators end in malloc, elsewhere; a program is no allocator") {
  const std::string cxx = own_library("/libstdc++.so");
  if (!cxx.empty()) CHECK(functions_in(cxx).empty());
  CHECK(functions_in("/proc/self/exe").empty());
  const auto own = own_allocators();
  CHECK(std::find(own.begin(), own.end(), own_library("/libc.so")) != own.end());
}

TEST_CASE("heap samples: the gaps are exponential, and a block stands for its size by its chance") {
  constexpr double kMean = 512 << 10;
  const auto gaps = heap_gaps(512 << 10);
  REQUIRE(gaps.size() == FDR_HEAP_GAPS);
  CHECK(gaps[0] == 0);
  CHECK(gaps[FDR_HEAP_GAPS / 2] == static_cast<std::uint64_t>(std::llround(kMean * std::log(2.0))));
  CHECK(std::is_sorted(gaps.begin(), gaps.end()));
  // The mean as the programs draw: between two quantiles evenly, behind the last one anew.
  double within = 0;
  const double steps = static_cast<double>(gaps.size());
  for (std::size_t i = 0; i + 1 < gaps.size(); ++i) within += static_cast<double>(gaps[i] + gaps[i + 1]) / 2 / steps;
  const double mean = (within + static_cast<double>(gaps.back()) / steps) / (1 - 1 / steps);
  CHECK(mean == doctest::Approx(kMean).epsilon(0.002));
  const HeldBlocks held{.every_bytes = 512 << 10, .since = {}, .sampled = 0, .blocks = {}};
  for (const std::uint64_t size : {std::uint64_t{16}, std::uint64_t{4096}, std::uint64_t{512} << 10, std::uint64_t{64} << 20}) {
    const double chance = -std::expm1(-static_cast<double>(size) / kMean);
    CHECK(static_cast<double>(held.weight(size)) * chance == doctest::Approx(static_cast<double>(size)).epsilon(0.001));
  }
  CHECK(held.weight(0) == 0);
  CHECK(held.weight(UINT64_MAX) == UINT64_MAX);
}

TEST_CASE("heap blocks: rows with their process and stack; what an exec or an earlier process of that pid held is gone") {
  ProcessTable table{{"web"}};
  Mapping text;
  text.start = 0x400000;
  text.end = 0x500000;
  text.module.path = "/nonexistent/web";
  table.add_existing(100, 0, {text}, from_ns(1));
  fdr_life born{};
  born.head.kind = FDR_LIFE_FORK;
  born.head.ns = 1000;
  born.tid = born.tgid = 200;
  born.parent_tgid = 100;
  table.apply({born}, {}, from_ns(2000), nullptr, 0);

  HeapReading reading;
  fdr_heap_stack stack{};
  stack.blocks = 2;
  stack.tgid = 100;
  stack.frames = 2;
  stack.end = FDR_WALK_ROOT;
  stack.frame[0] = 0x400011;
  stack.frame[1] = 0x400021;
  reading.stacks.emplace_back(7, stack);
  reading.blocks = {{{0x1000, 100, 0}, {5000, 48, 7}}, {{0x2000, 100, 0}, {4000, 64 << 20, 7}}, {{0x3000, 100, 0}, {6000, 48, 9}},
                    {{0x1000, 200, 0}, {999, 48, 7}}, {{0x2000, 200, 0}, {1001, 48, 7}}, {{0x1000, 300, 0}, {5000, 48, 7}}};
  Timeline timeline;
  ModuleFiles files;
  const KernelSymbols kernel = KernelSymbols::parse("");
  Decoder decoder(timeline, files, kernel, from_ns(4500));
  decoder.use_processes(table);
  const HeldBlocks held = decoder.decode_held(reading);

  CHECK(held.every_bytes == kHeapSampleBytes);
  REQUIRE(held.blocks.size() == 4);  // not the one of 200's predecessor, nor of 300, which nobody knows
  CHECK(timeline.processes[held.blocks[0].process].pid == 200);
  const Held& large = held.blocks[1];
  CHECK(large.time == from_ns(4000));  // before the window: it is held all the same
  CHECK(timeline.processes[large.process].pid == 100);
  CHECK(large.size == 64 << 20);
  REQUIRE(large.stack != kNoStack);
  const auto frames = timeline.stacks.stack(large.stack);
  REQUIRE(frames.size() == 2);
  CHECK(timeline.stacks.frames()[frames[1]].offset == 0x10);  // of the call, not of where it returns to
  CHECK(held.blocks[2].stack == large.stack);
  CHECK(held.blocks[3].stack == kNoStack);  // whose stack found no room
  CHECK(held_blocks(held_json(held), timeline) == held);

  SideEvent exec;
  exec.kind = SideEvent::kExec;
  exec.pid = 100;
  exec.time = from_ns(5500);
  table.apply({}, {exec}, from_ns(7000), nullptr, 0);
  Timeline later;
  Decoder again(later, files, kernel, from_ns(4500));
  again.use_processes(table);
  const HeldBlocks since = again.decode_held(reading);
  const auto of_100 = [&](const HeldBlocks& all) { return std::count_if(all.blocks.begin(), all.blocks.end(), [&](const Held& one) { return later.processes[one.process].pid == 100; }); };
  CHECK(of_100(since) == 1);
  table.forget(from_ns(6500));  // that there was another program before
  again.use_processes(table);
  CHECK(of_100(again.decode_held(reading)) == 1);
}

TEST_CASE("allocations.json: whatever is in it, it is damage or it fits the tables") {
  Timeline timeline;
  timeline.processes.resize(1);
  CHECK(held_blocks("", timeline) == HeldBlocks{});
  const auto of = [](const std::string& blocks) { return R"({"every_bytes":1,"since_ns":2,"sampled":3,"blocks":)" + blocks + "}"; };
  CHECK(held_blocks(of("[[1,0,5,6],[0,0,4,7]]"), timeline).blocks == std::vector<Held>{{Timestamp{Duration{4}}, kNoIndex, 7, kNoStack}, {Timestamp{Duration{5}}, 0, 6, kNoStack}});
  for (const std::string& damaged : {std::string("[]"), std::string("{}"), std::string("{\"blocks\":[]}"), of("3"), of("[3]"), of("[[1,0,5]]"), of("[[2,0,5,6]]"), of("[[1,1,5,6]]"), of("[[1,0,-5,6]]"),
                                     of("[[1,0,18446744073709551615,6]]"), of("[[1,0,\"x\",6]]"), of("[[1,0,5,6.5]]")}) {
    CAPTURE(damaged);
    CHECK_THROWS_AS(held_blocks(damaged, timeline), Error);
  }
}

TEST_CASE("heap tables: room within the memory, and none where nobody asked") {
  using namespace std::chrono_literals;
  const WindowLayout without = divide_memory(64u << 20, 2, 60s), with = divide_memory(64u << 20, 2, 60s, {}, true);
  CHECK(without.heap_blocks == 0);
  CHECK(without.heap_stacks == 0);
  CHECK(with.heap_blocks > 30'000);
  CHECK(with.heap_stacks > 2'000);
  CHECK(with.table_bytes() > without.table_bytes() + (6u << 20));
  CHECK(with.total_bytes() <= 64u << 20);
}

TEST_CASE("heap losses: each in a sentence, none without") {
  HeapReading reading;
  CHECK(heap_losses(reading).empty());
  reading.counts = {.sampled = 10, .no_room = 1, .without_stack = 2, .busy = 3};
  reading.problems = {"heap: process 1: no allocator"};
  CHECK(heap_losses(reading).size() == 4);
}

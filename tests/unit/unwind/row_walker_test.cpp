#include "unwind/row_walker.hpp"

#include <doctest/doctest.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "tests/unit/unwind/row_tables.hpp"
#include "tests/unit/unwind/stack_fixture.hpp"
#include "unwind/unwinder.hpp"

using namespace fdr;
using test::RowTables;
using test::StackFixture;

namespace {

// What a copy holds; nothing below its beginning may be read.
struct CopyReader {
  std::uint64_t begin = 0;
  std::span<const std::uint8_t> bytes;
  bool operator()(std::uint64_t address, std::uint64_t* value) const {
    if (address < begin || address - begin > bytes.size() || bytes.size() - (address - begin) < 8) return false;
    std::memcpy(value, bytes.data() + (address - begin), 8);
    return true;
  }
};

WalkedStack walk(const RowTables& tables, const UserRegisters& registers, WordReader read) {
  std::array<std::uint64_t, FDR_MAX_FRAMES> frames;
  const RowWalk walked = walk_rows(tables.view(), registers, read, frames);
  return walked_stack(std::span(frames).first(walked.frames), walked.end);
}

std::vector<std::uint64_t> callers_of(const WalkedStack& stack) {
  std::vector<std::uint64_t> addresses;
  for (std::size_t i = 1; i < stack.frames.size(); ++i) addresses.push_back(stack.frames[i].address);
  return addresses;
}

int rule_at(const RowTables& tables, std::uint64_t address) {
  for (const fdr_segment& segment : tables.segments) {
    if (address < segment.start || address >= segment.end) continue;
    int rule = FDR_ROW_GAP;
    for (std::uint32_t i = 0; i < segment.count; ++i)
      if (tables.rows[segment.first + i].pc <= address - segment.bias) rule = tables.rows[segment.first + i].rule;
    return rule;
  }
  return -1;
}

bool same_address(const FrameAddress& a, const FrameAddress& b) { return a.address == b.address; }

// One segment of code at 0x10000 whose rows are given, and a stack of words at 0x1000 (or wherever).
struct SmallProcess {
  std::vector<fdr_row> rows;
  std::vector<std::uint64_t> words;
  std::vector<fdr_segment> segments = {{0x10000, 0x20000, 0x10000, 0, 0}};
  std::uint64_t stack_begin = 0x1000;
  std::array<std::uint64_t, FDR_MAX_FRAMES> frames{};
  RowWalk last{};

  std::vector<std::uint64_t> walk(UserRegisters registers) {
    segments[0].count = static_cast<std::uint32_t>(rows.size());
    const CopyReader read{stack_begin, {reinterpret_cast<const std::uint8_t*>(words.data()), words.size() * 8}};
    last = walk_rows({segments, rows}, registers, read, frames);
    return {frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(last.frames)};
  }
};

using Addresses = std::vector<std::uint64_t>;
constexpr std::uint64_t kExact = FDR_FRAME_EXACT;
constexpr fdr_row kEnd = {0x800, 0, FDR_RBP_SAME, FDR_ROW_END};

}  // namespace

TEST_CASE("copied stacks walk by rows to exactly what was called, as libunwind does") {
  StackFixture fixture;
  Unwinder unwinder(fixture.files);
  const RowTables tables(fixture.space.mappings(), fixture.files);
  REQUIRE(tables.rows.size() > 10'000);
  std::size_t exact = 0, in_signal = 0, in_resolver = 0;
  for (const auto& sample : fixture.samples) {
    CAPTURE(sample.registers.ip);
    const CopyReader read{sample.registers.sp, sample.stack};
    const WalkedStack walked = walk(tables, sample.registers, read);
    const WalkedStack truth = unwinder.walk(fixture.space, {sample.registers, sample.stack, true}, Timestamp{});
    if (walked.end == WalkEnd::kNoUnwindInfo) {
      // The loader's _dl_runtime_resolve realigns the stack and keeps its CFA in rbx, which rows do not follow.
      const Mapping* last = fixture.space.find(walked.frames.back().lookup(), Timestamp{});
      CHECK(last->module.path == "/fixture/ld-linux-x86-64.so.2");
      REQUIRE(walked.frames.size() < truth.frames.size());
      CHECK(std::equal(walked.frames.begin(), walked.frames.end(), truth.frames.begin(), same_address));
      ++in_resolver;
      continue;
    }
    CHECK(walked.end == WalkEnd::kRoot);
    CHECK(
        std::equal(walked.frames.begin(), walked.frames.end(), truth.frames.begin(), truth.frames.end(), same_address));
    exact += callers_of(walked) == sample.callers;
    const auto interrupted = std::find_if(walked.frames.begin() + 1, walked.frames.end(),
                                          [](const FrameAddress& frame) { return !frame.is_return; });
    if (interrupted == walked.frames.end()) continue;
    ++in_signal;
    CHECK(rule_at(tables, (interrupted - 1)->lookup()) == FDR_ROW_SIGNAL);  // what it returned to
  }
  CHECK(exact + in_resolver + 4 > fixture.samples.size());  // _init and _fini have no tables: their caller is lost
  CHECK(exact > 250);
  CHECK(in_signal >= 5);
}

TEST_CASE("a copy that ends early is unreadable there, and the frames before it are right") {
  StackFixture fixture;
  const RowTables tables(fixture.space.mappings(), fixture.files);
  std::size_t cut = 0;
  for (const auto& sample : fixture.samples) {
    if (sample.callers.size() < 5) continue;
    const CopyReader read{sample.registers.sp,
                          std::span(sample.stack).first(std::min<std::size_t>(sample.stack.size(), 64))};
    const WalkedStack walked = walk(tables, sample.registers, read);
    if (walked.end != WalkEnd::kUnreadable) continue;
    ++cut;
    const auto callers = callers_of(walked);
    REQUIRE(callers.size() < sample.callers.size());
    CHECK(std::equal(callers.begin(), callers.end(), sample.callers.begin()));
  }
  CHECK(cut > 100);
}

namespace live {

// This thread's own stack, compared with what libgcc's unwinder says of it.
struct Snapshot {
  UserRegisters registers;
  std::array<void*, 128> truth{};
  int depth = 0;
  std::vector<std::uint64_t> walked;
  fdr_walk_end end = FDR_WALK_ON;
};
Snapshot* taken = nullptr;
const RowTables* tables = nullptr;

const auto read_own = [](std::uint64_t address, std::uint64_t* value) {
  const iovec to{value, 8}, from{reinterpret_cast<void*>(address), 8};
  return ::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) == 8;
};

__attribute__((noinline)) void take() {
  // The registers of this very function, as its rows see them.
  UserRegisters now;
  asm volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2" : "=r"(now.ip), "=r"(now.sp), "=r"(now.bp));
  taken->registers = now;
  taken->depth = backtrace(taken->truth.data(), static_cast<int>(taken->truth.size()));
  std::array<std::uint64_t, FDR_MAX_FRAMES> frames;
  const RowWalk walked = walk_rows(tables->view(), taken->registers, read_own, frames);
  taken->walked.assign(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(walked.frames));
  taken->end = walked.end;
}

__attribute__((noinline)) int recurse(int depth, int value) {
  if (depth == 0) {
    take();
    return value;
  }
  volatile char room[300];
  room[depth] = static_cast<char>(value);
  return recurse(depth - 1, value + 1) + room[depth];
}

int compare(const void* a, const void* b) {
  if (taken->depth == 0) recurse(3, 1);
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

void on_signal(int) { recurse(2, 1); }

void check(const Snapshot& snapshot) {
  CHECK(snapshot.end == FDR_WALK_ROOT);
  // backtrace() may have a frame of its own, and calls from elsewhere in take(): the callers are compared.
  const std::span<void* const> truth(snapshot.truth.data(), static_cast<std::size_t>(snapshot.depth));
  const std::size_t callers = snapshot.walked.size() - 1;
  REQUIRE(truth.size() > callers);
  CHECK(truth.size() - callers <= 2);
  for (std::size_t i = 1; i <= callers; ++i)
    CHECK((snapshot.walked[i] & ~kExact) == reinterpret_cast<std::uint64_t>(truth[truth.size() - callers + i - 1]));
}

}  // namespace live

TEST_CASE("this thread's own stack walks as libgcc says: calls, callbacks out of libc, signal frames, another stack") {
  std::string text;
  if (FILE* maps = std::fopen("/proc/self/maps", "r")) {
    char chunk[4096];
    for (std::size_t got; (got = std::fread(chunk, 1, sizeof(chunk), maps)) > 0;) text.append(chunk, got);
    std::fclose(maps);
  }
  ModuleFiles files;
  const RowTables tables(parse_maps(text), files);
  live::tables = &tables;

  live::Snapshot plain;
  live::taken = &plain;
  live::recurse(10, 1);
  live::check(plain);
  CHECK(plain.walked.size() > 12);

  live::Snapshot sorting;
  live::taken = &sorting;
  int values[] = {3, 1, 2};
  std::qsort(values, 3, sizeof(int), live::compare);
  live::check(sorting);

  live::Snapshot signalled;
  live::taken = &signalled;
  std::vector<char> other(256 * 1024);
  stack_t stack{}, before{};
  stack.ss_sp = other.data();
  stack.ss_size = other.size();
  sigaltstack(&stack, &before);
  struct sigaction action {
  }, old{};
  action.sa_handler = live::on_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, &old);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &old, nullptr);
  sigaltstack(&before, nullptr);
  live::check(signalled);
  CHECK(std::count_if(signalled.walked.begin(), signalled.walked.end(),
                      [](std::uint64_t frame) { return (frame & kExact) != 0; }) == 2);
}

TEST_CASE("each rule finds the CFA, the return address and rbp where it says") {
  //                      0x1000  0x1008   0x1010   0x1018   0x1020   0x1028
  SmallProcess p{{}, {0x2222, 0x10801, 0x10801, 0x10801, 0x1020, 0x3333}};
  const auto step = [&](fdr_row row, UserRegisters registers) {
    p.rows = {row, kEnd};
    return p.walk(registers);
  };
  const UserRegisters here{.ip = 0x10004, .sp = 0x1000, .bp = 0x1000};
  const Addresses both = {0x10004 | kExact, 0x10801};

  CHECK(step({0, 2, FDR_RBP_SAME, FDR_ROW_RSP}, here) == both);
  CHECK(p.last.end == FDR_WALK_ROOT);
  CHECK(step({0, 2, -2, FDR_ROW_RBP}, here) == both);
  CHECK(step({0, 4, FDR_RBP_AT_RBP, FDR_ROW_AT_RBP}, here) == both);  // *(0x1020) = 0x1020: RA at 0x1018
  CHECK(step({0, 4, FDR_RBP_SAME, FDR_ROW_AT_RSP}, here) == both);
  CHECK(step({0, 4, FDR_RBP_SAME, FDR_ROW_BEHIND_RSP}, here) == Addresses{0x10004 | kExact, 0x1020});  // RA at 0x1020
  CHECK(p.last.end == FDR_WALK_NO_MAPPING);
  CHECK(step({0, 11, FDR_RBP_SAME, FDR_ROW_PLT}, {.ip = 0x10004, .sp = 0x1008}) == both);
  CHECK(step({0, 11, FDR_RBP_SAME, FDR_ROW_PLT}, {.ip = 0x1000b, .sp = 0x1000}) ==
        Addresses{0x1000b | kExact, 0x10801});
  CHECK(step({0, 0, FDR_RBP_SAME, FDR_ROW_SWITCH}, {.ip = 0x10004, .sp = 0x9000, .bp = 0x1000}) == both);
  // Without a thread pointer a goroutine's row is a switch.
  CHECK(step({0, 24, FDR_RBP_SAME, FDR_ROW_GOROUTINE}, {.ip = 0x10004, .sp = 0x9000, .bp = 0x1000}) == both);
  CHECK(step({0, FDR_COMPLEX_REGISTER, FDR_RBP_SAME, FDR_ROW_COMPLEX}, here) == Addresses{0x10004 | kExact});
  CHECK(p.last.end == FDR_WALK_COMPLEX);
  CHECK(p.last.complex == FDR_COMPLEX_REGISTER);
}

TEST_CASE("rbp of the caller: saved, untouched, lost, or restored already") {
  // A frame of rule `row`, whose caller (at 0x400) is left by rbp + 16.
  //                     0x1000  0x1008   0x1010  0x1018  0x1020   0x1028
  SmallProcess p{{}, {0x1018, 0x10401, 0x1018, 0x1111, 0x10801, 0x10801}};
  const auto callers = [&](fdr_s8 rbp, UserRegisters registers) {
    p.rows = {{0, 2, rbp, FDR_ROW_RSP}, {0x400, 2, FDR_RBP_SAME, FDR_ROW_RBP}, kEnd};
    return p.walk(registers);
  };
  const Addresses all = {0x10004 | kExact, 0x10401, 0x10801};
  CHECK(callers(-2, {.ip = 0x10004, .sp = 0x1000, .bp = 0}) == all);
  CHECK(callers(FDR_RBP_SAME, {.ip = 0x10004, .sp = 0x1000, .bp = 0x1018}) == all);
  CHECK(callers(FDR_RBP_AT_RBP, {.ip = 0x10004, .sp = 0x1000, .bp = 0x1010}) == all);
  CHECK(callers(FDR_RBP_LOST, {.ip = 0x10004, .sp = 0x1000, .bp = 0x1018}).size() == 2);
  // In an epilogue the slot lies below rsp: the register has its value back, and memory is not asked.
  CHECK(callers(-5, {.ip = 0x10004, .sp = 0x1000, .bp = 0x1018}) == all);
}

TEST_CASE("a goroutine's saved stack pointer leads to who called systemstack") {
  // The thread pointer is 0x1008, g is at 0x1008, m at 0x1080, m.curg at 16 of it; its goroutine's g at 0x10c0. The caller (at 0x400) keeps
  // rbp at 0x1118, above its return address into systemstack's call at 0x1100.
  SmallProcess p{{{0, 2, FDR_RBP_SAME, FDR_ROW_GOROUTINE}, {0x400, 3, -2, FDR_ROW_RSP}, kEnd}, std::vector<std::uint64_t>(40, 0)};
  const auto put = [&](std::uint64_t address, std::uint64_t word) { p.words[(address - 0x1000) / 8] = word; };
  constexpr std::uint64_t kM = 48, kSavedSp = 56;  // of a g
  put(0x1000, 0x1008);
  put(0x1008 + kM, 0x1080);
  put(0x1080 + 16, 0x10c0);
  put(0x10c0 + kSavedSp, 0x1100);
  put(0x1100, 0x10401);
  put(0x1110, 0x2222);  // the rbp of the caller's caller
  put(0x1118, 0x10801);
  const UserRegisters on_g0{.ip = 0x10004, .sp = 0x9000, .bp = 0x1110, .thread = 0x1008};
  CHECK(p.walk(on_g0) == Addresses{0x10004 | kExact, 0x10401, 0x10801});
  CHECK(p.last.end == FDR_WALK_ROOT);
  // A saved pointer that cannot be this caller's, or none: the caller is skipped, as by its rbp.
  for (const std::uint64_t saved : {0ull, 0x1110ull, 0x1101ull}) {
    put(0x10c0 + kSavedSp, saved);
    CHECK(p.walk(on_g0) == Addresses{0x10004 | kExact, 0x10801});
  }
}

TEST_CASE("a signal frame leads to the interrupted instruction, on whatever stack") {
  SmallProcess p{{{0, 0, FDR_RBP_SAME, FDR_ROW_SIGNAL}, {0x400, 1, FDR_RBP_SAME, FDR_ROW_RSP}, kEnd}, {}};
  p.words.assign(40, 0);
  p.words[15 + 5] = 0x1000 + 30 * 8;  // rsp: the registers begin behind 40 bytes
  p.words[16 + 5] = 0x10400;          // rip
  p.words[30] = 0x10801;
  const auto frames = p.walk({.ip = 0x10004, .sp = 0x1000});
  // Interrupted at a function's first byte: looked up there, not before.
  CHECK(frames == Addresses{0x10004 | kExact, 0x10400 | kExact, 0x10801});
  CHECK(p.last.end == FDR_WALK_ROOT);
}

TEST_CASE("gaps are left by a frame pointer that looks like one, and by no other") {
  //                            0x1000  0x1008    0x1010  0x1018   0x1020
  SmallProcess p{{}, {0x1010, 0x10123, 0x1020, 0x10456, 0, 0}};
  CHECK(p.walk({.ip = 0x10789, .sp = 0x1000, .bp = 0x1000}) == Addresses{0x10789 | kExact, 0x10123, 0x10456});
  CHECK(p.last.end == FDR_WALK_NO_ROWS);  // a zero return address proves no root
  CHECK(p.walk({.ip = 0x10789, .sp = 0x1000, .bp = 0x1001}).size() == 1);
  CHECK(p.walk({.ip = 0x10789, .sp = 0x1000, .bp = 0xff0}).size() == 1);
  p.words[1] = 0x999;  // no code there
  CHECK(p.walk({.ip = 0x10789, .sp = 0x1000, .bp = 0x1000}).size() == 1);
  CHECK(p.last.end == FDR_WALK_NO_ROWS);
}

TEST_CASE("walks end: no mapping, a CFA that does not grow, too many frames") {
  SmallProcess p{{}, {0, 0}};
  CHECK(p.walk({.ip = 0x10, .sp = 0x1000}) == Addresses{0x10 | kExact});
  CHECK(p.last.end == FDR_WALK_NO_MAPPING);
  CHECK(p.walk({.ip = 0, .sp = 0x1000}).size() == 1);

  p.rows = {{0, -1, FDR_RBP_SAME, FDR_ROW_RSP}, kEnd};
  p.walk({.ip = 0x10004, .sp = 0x1008});
  CHECK(p.last.end == FDR_WALK_STUCK);
  p.rows = {{0, 0, FDR_RBP_SAME, FDR_ROW_RBP}, kEnd};
  p.walk({.ip = 0x10004, .sp = 0x1008, .bp = 0x1008});
  CHECK(p.last.end == FDR_WALK_STUCK);

  SmallProcess deep{{{0, 1, FDR_RBP_SAME, FDR_ROW_RSP}}, std::vector<std::uint64_t>(1000, 0x10123)};
  CHECK(deep.walk({.ip = 0x10004, .sp = 0x1000}).size() == FDR_MAX_FRAMES);
  CHECK(deep.last.end == FDR_WALK_DEEP);

  // A loop that switches stacks for ever ends at the limit too.
  SmallProcess loop{{{0, 0, FDR_RBP_SAME, FDR_ROW_SWITCH}}, {0x1000, 0x10123}};
  CHECK(loop.walk({.ip = 0x10004, .sp = 0x1000, .bp = 0x1000}).size() == FDR_MAX_FRAMES);
  CHECK(loop.last.end == FDR_WALK_DEEP);
}

TEST_CASE("addresses between segments and before the first row belong to none") {
  SmallProcess p{{{0x100, 1, FDR_RBP_SAME, FDR_ROW_RSP}, kEnd}, {0x10801}};
  p.segments = {{0x10000, 0x20000, 0x10000, 0, 0}, {0x30000, 0x40000, 0x30000, 0, 0}};
  p.walk({.ip = 0x10050, .sp = 0x1000});
  CHECK(p.last.end == FDR_WALK_NO_ROWS);
  p.walk({.ip = 0x25000, .sp = 0x1000});
  CHECK(p.last.end == FDR_WALK_NO_MAPPING);
  CHECK(p.walk({.ip = 0x10100, .sp = 0x1000}).size() == 2);
  p.walk({.ip = 0x20000, .sp = 0x1000});  // the end is not inside
  CHECK(p.last.end == FDR_WALK_NO_MAPPING);
}

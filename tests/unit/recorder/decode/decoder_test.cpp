#include "recorder/decode/decoder.hpp"

#include <doctest/doctest.h>

#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

constexpr std::uint32_t kThread = thread_id(1, 4), kPid = 100, kTid = 101;
constexpr std::uint64_t kBegin = 1'000'000;  // of the window

constexpr const char* kKernelSymbols =
    "ffffffff81000000 T _stext\n"
    "ffffffff81001000 T schedule\n"
    "ffffffff81002000 T do_nanosleep\n"
    "ffffffff81003000 T perf_trace_sched\n"
    "ffffffff81004000 T __traceiter_sched_switch\n"
    "ffffffff81005000 T bpf_trace_run4\n"
    "ffffffffc0001000 t bpf_prog_0123456789abcdef_on_switch\t[bpf]\n";

// A window, what is known of a process in it, and the decoder that reads them.
struct Fixture {
  MemoryWindow window{MemoryWindow::small(2)};
  ProcessTable table{{"web"}};
  Timeline timeline;
  ModuleFiles files;
  KernelSymbols kernel = KernelSymbols::parse(kKernelSymbols);
  Snapshot snapshot{window.view().layout};
  Decoder decoder{timeline, files, kernel, from_ns(kBegin)};

  Fixture() {
    Mapping text;
    text.start = 0x400000;
    text.end = 0x500000;
    text.file_offset = 0x2000;
    text.module.path = "/nonexistent/web";
    table.add_existing(kPid, 0, {text}, from_ns(1));
    fdr_thread thread{};
    thread.id = kThread;
    thread.tid = kTid;
    thread.tgid = kPid;
    thread.first_ns = kBegin - 1000;
    thread.cpu_ns = 500;
    thread.call_cpu_ns = 50;
    thread.run_delay_base = 1000;
    thread.run_delay_ns = 1400;
    thread.voluntary = 3;
    thread.involuntary = 2;
    thread.calls = 17;
    std::memcpy(thread.comm, "worker", 7);
    table.add_thread(thread);
    decoder.use_processes(table);
  }

  void decode(const WindowMark& after = {}) {
    snapshot.take(window.view(), after);
    decoder.decode(snapshot);
  }
  void finish() {
    decode();
    decoder.finish(from_ns(kBegin + 1'000'000));
  }
  std::vector<std::string> labels(StackId stack) const {
    std::vector<std::string> found;
    for (const std::uint32_t frame : timeline.stacks.stack(stack)) found.push_back(timeline.stacks.frame_label(frame));
    return found;
  }
  const Thread& thread(std::uint32_t index) const { return timeline.threads.at(index); }
};

StackData user_stack(std::uint64_t ip = 0x400010) {
  StackData stack;
  stack.ip = ip;
  stack.sp = 0x7000'0000;
  stack.bytes.assign(64, 0);
  return stack;
}

fdr_syscall raw_call(std::uint64_t end, std::int64_t result) {
  fdr_syscall call{};
  call.end_ns = end;
  call.thread = kThread;
  call.nr = 1;
  call.ret_high = static_cast<std::uint16_t>(static_cast<std::uint64_t>(result) >> 32);
  call.ret_low = static_cast<std::uint32_t>(result);
  call.wall = 300;
  call.cpu = 200;
  call.argument = 0xfffffff0;
  return call;
}

fdr_call detailed_call(std::uint64_t end) {
  fdr_call call{};
  call.head = {end, kThread, 0, 0};
  call.wall = 5000;
  call.cpu = 40;
  call.ret = -2;
  for (int i = 0; i < 6; ++i) call.args[i] = 0x1000000000 + i;
  call.nr = 257;
  call.subject_kind = FDR_SUBJECT_PATH;
  call.subject_length = 10;
  std::memcpy(call.subject, "/etc/hosts", 10);
  return call;
}

}  // namespace

TEST_CASE("decoder: a clock sample, kernel frames inside user frames") {
  Fixture f;
  StackData stack = user_stack();
  stack.flags = FDR_STACK_IN_KERNEL;
  stack.kernel = {0xffffffff81001020, 0xffffffff81002001};
  f.window.write(FDR_STACKS, 1, kBegin, sample_record(kBegin + 5, kThread, stack));
  f.finish();
  REQUIRE(f.timeline.samples.size() == 1);
  const StackSample& sample = f.timeline.samples[0];
  CHECK(sample.time == from_ns(kBegin + 5));
  CHECK(sample.in_kernel);
  CHECK(sample.cpu == 101);
  CHECK(f.thread(sample.thread).tid == static_cast<std::int32_t>(kTid));
  const auto labels = f.labels(sample.stack);
  REQUIRE(labels.size() >= 3);
  CHECK(labels[labels.size() - 1] == "schedule");
  CHECK(labels[labels.size() - 2] == "do_nanosleep");
  // The user side: an offset in the file, not an address.
  const Frame& user = f.timeline.stacks.frames()[f.timeline.stacks.stack(sample.stack)[labels.size() - 3]];
  CHECK(user.offset == 0x2010);
  CHECK(f.timeline.stacks.modules()[user.module].path == "/nonexistent/web");
  CHECK(sample.end != WalkEnd::kRoot);  // there is no such file to unwind with
  CHECK(f.decoder.counts().kept[FDR_STACKS] == 1);
}

TEST_CASE("decoder: a stack that was walked by rows") {
  Fixture f;
  StackData stack;
  stack.kernel = {0xffffffff81001020};
  stack.flags = FDR_STACK_IN_KERNEL;
  // The leaf, its caller (one byte before the return address counts), and what a signal struck: where it was interrupted.
  stack.user = {0x400010 | FDR_FRAME_EXACT, 0x400100, 0x400200 | FDR_FRAME_EXACT};
  stack.end = FDR_WALK_ROOT;
  f.window.write(FDR_STACKS, 0, kBegin, sample_record(kBegin + 1, kThread, stack));
  stack.end = FDR_WALK_UNREADABLE;
  f.window.write(FDR_STACKS, 0, kBegin, sample_record(kBegin + 2, kThread, stack));
  f.window.write(FDR_STACKS, 0, kBegin, sample_record(kBegin + 3, kThread, user_stack()));
  f.finish();
  REQUIRE(f.timeline.samples.size() == 3);
  std::vector<std::uint64_t> offsets;
  for (const std::uint32_t frame : f.timeline.stacks.stack(f.timeline.samples[0].stack))
    offsets.push_back(f.timeline.stacks.frames()[frame].offset);
  CHECK(offsets == std::vector<std::uint64_t>{0x2200, 0x20ff, 0x2010, 0xffffffff81001020});
  CHECK(f.timeline.samples[0].end == WalkEnd::kRoot);
  CHECK(f.timeline.samples[1].end == WalkEnd::kUnreadable);
  CHECK(f.timeline.samples[1].stack == f.timeline.samples[0].stack);
  CHECK(f.decoder.counts().copied_samples == 1);
}

TEST_CASE("decoder: a return address is looked up one byte before") {
  Fixture f;
  StackData stack;
  stack.flags = FDR_STACK_IN_KERNEL | FDR_STACK_NO_USER;
  stack.kernel = {0xffffffff81001000,
                  0xffffffff81002000};  // a call that was the last of what stands before do_nanosleep
  f.window.write(FDR_STACKS, 0, kBegin, sample_record(kBegin + 5, kThread, stack));
  f.finish();
  CHECK(f.labels(f.timeline.samples.at(0).stack) == std::vector<std::string>{"schedule", "schedule"});
  CHECK(f.timeline.samples[0].end == WalkEnd::kKernelOnly);
}

TEST_CASE("decoder: the recording's own frames are taken off the top of a kernel stack, and only there") {
  Fixture f;
  StackData stack;
  stack.flags = FDR_STACK_IN_KERNEL | FDR_STACK_NO_USER;
  stack.kernel = {0xffffffffc0001010, 0xffffffff81005010, 0xffffffff81004010,
                  0xffffffff81001010, 0xffffffff81005010, 0xffffffff81002010};
  f.window.write(FDR_STALLS, 0, kBegin,
                 stall_record(kBegin + 500, kThread, FDR_STALL_UNINTERRUPTIBLE, 100, -1, &stack));
  f.finish();
  CHECK(f.labels(f.timeline.stalls.at(0).stack) ==
        std::vector<std::string>{"do_nanosleep", "bpf_trace_run4", "schedule"});
}

TEST_CASE("decoder: stalls of every kind") {
  Fixture f;
  const std::pair<int, StallKind> kinds[] = {
      {FDR_STALL_WAIT, StallKind::kWait},         {FDR_STALL_BLOCKED, StallKind::kBlocked},
      {FDR_STALL_RUNNABLE, StallKind::kRunnable}, {FDR_STALL_UNINTERRUPTIBLE, StallKind::kUninterruptible},
      {FDR_STALL_RECLAIM, StallKind::kReclaim},   {FDR_STALL_COMPACTION, StallKind::kCompaction},
      {FDR_STALL_THROTTLED, StallKind::kThrottled}};
  std::uint64_t end = kBegin + 1000;
  for (const auto& [kind, expected] : kinds) {
    end += 1000;
    f.window.write(FDR_STALLS, 0, end,
                   stall_record(end, kThread, static_cast<std::uint16_t>(kind), 300, 202 | FDR_NR_X32));
  }
  f.finish();
  REQUIRE(f.timeline.stalls.size() == std::size(kinds));
  end = kBegin + 1000;
  for (std::size_t i = 0; i < std::size(kinds); ++i) {
    const Stall& stall = f.timeline.stalls[i];
    end += 1000;
    CHECK(stall.kind == kinds[i].second);
    CHECK(stall.begin == from_ns(end - 300));
    CHECK(stall.length == Duration(300));
    CHECK(stall.run_queue == Duration(stall.kind == StallKind::kRunnable ? 300 : 0));
    CHECK(stall.syscall == 202);
    CHECK(stall.stack == kNoStack);
    CHECK(stall.end == WalkEnd::kNotWalked);
    CHECK(!stall.open);
  }
}

TEST_CASE("decoder: a stall outside any call, with a stack") {
  Fixture f;
  const StackData stack = user_stack();
  f.window.write(FDR_STALLS, 0, kBegin, stall_record(kBegin + 1000, kThread, FDR_STALL_BLOCKED, 300, -1, &stack));
  f.finish();
  CHECK(f.timeline.stalls.at(0).syscall == -1);
  CHECK(!f.labels(f.timeline.stalls.at(0).stack).empty());
}

TEST_CASE("decoder: raw calls; results of 48 bits with their sign") {
  Fixture f;
  const std::int64_t results[] = {0, 42, -2, -4095, 0x7fff'1234'5678, -0x1234'5678'9abc, 0xffff'ffff};
  std::uint64_t end = kBegin + 1000;
  for (const std::int64_t result : results) {
    end += 1000;
    f.window.write(FDR_SYSCALLS, 1, end, bytes_of(raw_call(end, result)));
  }
  f.finish();
  REQUIRE(f.timeline.syscalls.size() == std::size(results));
  for (std::size_t i = 0; i < std::size(results); ++i) CHECK(f.timeline.syscalls[i].result == results[i]);
  const SyscallCall& call = f.timeline.syscalls[0];
  CHECK(call.begin == from_ns(kBegin + 2000 - 300));
  CHECK(call.wall == Duration(300));
  CHECK(call.cpu == Duration(200));
  CHECK(call.number == 1);
  CHECK(call.abi == SyscallAbi::kNative);
  CHECK(call.cpu_id == 101);
  CHECK(call.argument == 0xfffffff0);
  CHECK(f.thread(call.thread).name == "worker");
}

TEST_CASE("decoder: a scaled duration counts in units of 1024 ns; ABI bits are not part of the number") {
  Fixture f;
  fdr_syscall call = raw_call(kBegin + 10'000'000'000'000, 0);
  call.nr = 7 | FDR_NR_SCALED | FDR_NR_COMPAT;
  call.wall = 0xf000'0000;
  call.cpu = 3;
  f.window.write(FDR_SYSCALLS, 0, kBegin, bytes_of(call));
  call.nr = 7 | FDR_NR_X32;
  f.window.write(FDR_SYSCALLS, 0, kBegin, bytes_of(call));
  f.finish();
  REQUIRE(f.timeline.syscalls.size() == 2);
  CHECK(f.timeline.syscalls[0].wall == Duration(0xf000'0000ll * 1024));
  CHECK(f.timeline.syscalls[0].cpu == Duration(3 * 1024));
  CHECK(f.timeline.syscalls[0].number == 7);
  CHECK(f.timeline.syscalls[0].abi == SyscallAbi::kCompat);
  CHECK(f.timeline.syscalls[1].wall == Duration(0xf000'0000ll));
  CHECK(f.timeline.syscalls[1].abi == SyscallAbi::kX32);
}

TEST_CASE("decoder: slow and failed calls, whole") {
  Fixture f;
  f.window.write(FDR_SLOW, 0, kBegin, call_record(detailed_call(kBegin + 10'000), user_stack()));
  fdr_call failed = detailed_call(kBegin + 20'000);
  failed.ret = -110;
  f.window.write(FDR_FAILED, 1, kBegin, call_record(failed, user_stack()));
  f.finish();
  REQUIRE(f.timeline.slow.size() == 1);
  REQUIRE(f.timeline.failed.size() == 1);
  const DetailedCall& slow = f.timeline.slow[0];
  CHECK(slow.call.begin == from_ns(kBegin + 5000));
  CHECK(slow.call.wall == Duration(5000));
  CHECK(slow.call.cpu == Duration(40));
  CHECK(slow.call.number == 257);
  CHECK(slow.call.result == -2);
  CHECK(slow.arguments[5] == 0x1000000005);
  CHECK(slow.subject == "/etc/hosts");
  CHECK(!f.labels(slow.stack).empty());
  CHECK(f.timeline.failed[0].call.result == -110);
  CHECK(f.timeline.failed[0].call.cpu_id == 101);
}

TEST_CASE("decoder: growth, with its stack, less what was given back") {
  Fixture f;
  const StackData stack = user_stack();
  f.window.write(FDR_GROWTH, 0, kBegin, growth_record(kBegin + 1, kThread, FDR_GROWTH_ANON, 0x5000, 1 << 18, &stack));
  f.window.write(FDR_GROWTH, 0, kBegin, growth_record(kBegin + 2, kThread, FDR_GROWTH_SHARED, 0x9000, 1 << 19, &stack));
  f.window.write(FDR_GROWTH, 0, kBegin, growth_record(kBegin + 3, kThread, FDR_GROWTH_BACK, 0x9000, 0x1000, nullptr));
  f.finish();
  CHECK(f.decoder.counts().kept[FDR_GROWTH] == 3);
  REQUIRE(f.timeline.growth.size() == 2);
  CHECK(f.timeline.growth[0].bytes == 1 << 18);
  CHECK(f.timeline.growth[0].address == 0x5000);
  CHECK(!f.labels(f.timeline.growth[0].stack).empty());
  CHECK_FALSE(f.timeline.growth[0].given_back);
  CHECK(f.timeline.growth[1].kind == GrowthKind::kShared);
  CHECK(f.timeline.growth[1].given_back == from_ns(kBegin + 3));
}

TEST_CASE("decoder: what ended before the window is met and left out") {
  Fixture f;
  const StackData stack = user_stack();
  for (const std::uint64_t end : {kBegin - 1, kBegin}) {
    f.window.write(FDR_STACKS, 0, end, sample_record(end, kThread, stack));
    f.window.write(FDR_STALLS, 0, end, stall_record(end, kThread, FDR_STALL_BLOCKED, 300, -1));
    f.window.write(FDR_SYSCALLS, 0, end, bytes_of(raw_call(end, 0)));
    f.window.write(FDR_SLOW, 0, end, call_record(detailed_call(end), stack));
    f.window.write(FDR_FAILED, 0, end, call_record(detailed_call(end), stack));
    f.window.write(FDR_LIFE, 0, end, life_record(life_event(FDR_LIFE_FORK, end, kThread, kPid)));
    f.window.write(FDR_GROWTH, 0, end, growth_record(end, kThread, FDR_GROWTH_FILE, 0x5000, 1 << 18, &stack));
  }
  f.table.add_life({from_ns(kBegin - 1), LifeKind::kNote, kNoIndex, "before", 0});
  f.table.add_life({from_ns(kBegin), LifeKind::kNote, kNoIndex, "within", 0});
  f.finish();
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    if (ring == FDR_BYSTANDERS) continue;  // has its own decoder, and test
    CAPTURE(kRingNames[ring]);
    CHECK(f.decoder.counts().seen[ring] == 2);
    CHECK(f.decoder.counts().kept[ring] == 1);
    CHECK(f.decoder.counts().torn[ring] == 0);
  }
  CHECK(f.timeline.samples.size() == 1);
  CHECK(f.timeline.stalls.size() == 1);
  CHECK(f.timeline.syscalls.size() == 1);
  CHECK(f.timeline.slow.size() == 1);
  CHECK(f.timeline.failed.size() == 1);
  CHECK(f.timeline.growth.size() == 1);
  REQUIRE(f.timeline.life.size() == 1);
  CHECK(f.timeline.life[0].text == "within");
}

TEST_CASE("decoder: a length that cannot be ends its chunk and is counted; other chunks are read") {
  const StackData stack = user_stack();
  for (const std::uint16_t len8 : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{3}, std::uint16_t{0xffff}}) {
    CAPTURE(len8);
    Fixture f;
    f.window.write(FDR_STACKS, 0, kBegin, sample_record(kBegin + 1, kThread, stack));
    Bytes damaged = sample_record(kBegin + 2, kThread, stack);
    std::memcpy(damaged.data() + offsetof(fdr_record, len8), &len8, sizeof len8);
    f.window.write(FDR_STACKS, 0, kBegin, damaged);
    f.window.write(FDR_STACKS, 0, kBegin, sample_record(kBegin + 3, kThread, stack));
    f.window.write(FDR_STACKS, 1, kBegin, sample_record(kBegin + 4, kThread, stack));
    f.finish();
    CHECK(f.timeline.samples.size() == 2);
    CHECK(f.timeline.samples.back().time == from_ns(kBegin + 4));
    CHECK(f.decoder.counts().torn[FDR_STACKS] == 1);
  }
}

TEST_CASE("decoder: `used` that ends inside a record tears that record only") {
  Fixture f;
  const Bytes record = sample_record(kBegin + 1, kThread, user_stack());
  for (int i = 0; i < 3; ++i) f.window.write(FDR_STACKS, 0, kBegin, record);
  f.window.chunk(FDR_STACKS, 0, 1)->used -= 24;
  f.finish();
  CHECK(f.timeline.samples.size() == 2);
  CHECK(f.decoder.counts().torn[FDR_STACKS] == 1);
}

TEST_CASE("decoder: a stack larger than its record is not believed") {
  for (const auto& [frames, words] :
       {std::pair<int, int>{FDR_KERNEL_FRAMES + 1, 0}, {9, 8}, {0, 9}, {0, 0xffff}, {0xffff, 0}}) {
    CAPTURE(frames);
    CAPTURE(words);
    Fixture f;
    fdr_stack header = user_stack().header();
    header.kernel_frames = static_cast<std::uint16_t>(frames);
    header.words = static_cast<std::uint16_t>(words);
    Bytes sample = sample_record(kBegin + 1, kThread, user_stack());
    std::memcpy(sample.data() + offsetof(fdr_sample, stack), &header, sizeof header);
    f.window.write(FDR_STACKS, 0, kBegin, sample);
    Bytes slow = call_record(detailed_call(kBegin + 1), user_stack());
    std::memcpy(slow.data() + offsetof(fdr_call, stack), &header, sizeof header);
    f.window.write(FDR_SLOW, 0, kBegin, slow);
    const StackData stack = user_stack();
    Bytes stall = stall_record(kBegin + 1, kThread, FDR_STALL_BLOCKED, 1, -1, &stack);
    std::memcpy(stall.data() + offsetof(fdr_stall, stack), &header, sizeof header);
    f.window.write(FDR_STALLS, 0, kBegin, stall);
    f.finish();
    for (const int ring : {FDR_STACKS, FDR_SLOW, FDR_STALLS}) CHECK(f.decoder.counts().torn[ring] == 1);
    CHECK(f.timeline.samples.empty());
    CHECK(f.timeline.slow.empty());
    CHECK(f.timeline.stalls.empty());
  }
}

TEST_CASE("decoder: a record too short for its ring is torn") {
  Fixture f;
  Bytes only_head;
  append(only_head, fdr_record{kBegin + 1, kThread, 0, 0});
  for (const int ring : {FDR_STACKS, FDR_STALLS, FDR_SLOW, FDR_FAILED})
    f.window.write(ring, 0, kBegin, sealed(only_head));
  f.finish();
  for (const int ring : {FDR_STACKS, FDR_STALLS, FDR_SLOW, FDR_FAILED}) CHECK(f.decoder.counts().torn[ring] == 1);
}

TEST_CASE("decoder: a thread that nobody knows keeps its records, without a name") {
  Fixture f;
  const std::uint32_t unknown = thread_id(9, 9);
  f.window.write(FDR_STACKS, 0, kBegin, sample_record(kBegin + 1, unknown, user_stack()));
  fdr_syscall call = raw_call(kBegin + 1, 0);
  call.thread = thread_id(2, 4);  // the known thread's slot, another generation
  f.window.write(FDR_SYSCALLS, 0, kBegin, bytes_of(call));
  f.finish();
  REQUIRE(f.timeline.samples.size() == 1);
  CHECK(f.timeline.samples[0].thread == kNoIndex);
  CHECK(f.timeline.samples[0].end == WalkEnd::kNoMapping);
  CHECK(f.timeline.syscalls.at(0).thread == kNoIndex);
  CHECK(f.timeline.threads.size() == 1);
}

TEST_CASE("decoder: threads, processes and accounts are filled, met in a record or not") {
  Fixture f;
  f.decoder.finish(from_ns(kBegin + 4000));
  REQUIRE(f.timeline.threads.size() == 1);
  const Thread& thread = f.timeline.threads[0];
  CHECK(thread.name == "worker");
  CHECK(thread.account.observed == Duration(5000));
  CHECK(thread.account.on_cpu == Duration(500));
  CHECK(thread.account.in_syscalls == Duration(50));
  CHECK(thread.account.run_queue == Duration(400));
  CHECK(thread.account.voluntary_switches == 3);
  CHECK(thread.account.involuntary_switches == 2);
  CHECK(thread.account.syscalls == 17);
  CHECK(f.timeline.processes.at(thread.process).pid == static_cast<std::int32_t>(kPid));
  CHECK(f.timeline.processes.at(thread.process).target == "web");
}

TEST_CASE("decoder: two snapshots one after the other give every record once, sorted by time over CPUs") {
  Fixture f;
  f.window.write(FDR_SYSCALLS, 1, kBegin, bytes_of(raw_call(kBegin + 5000, 1)));
  f.window.write(FDR_SYSCALLS, 0, kBegin, bytes_of(raw_call(kBegin + 7000, 2)));
  const WindowMark mark = f.snapshot.take(f.window.view(), {});
  f.decoder.decode(f.snapshot);
  f.window.write(FDR_SYSCALLS, 1, kBegin, bytes_of(raw_call(kBegin + 6000, 3)));
  f.decode(mark);
  f.decoder.finish(from_ns(kBegin + 10'000));
  std::vector<std::int64_t> results;
  for (const SyscallCall& call : f.timeline.syscalls) results.push_back(call.result);
  CHECK(results == std::vector<std::int64_t>{1, 3, 2});
  CHECK(f.decoder.counts().seen[FDR_SYSCALLS] == 3);
}

TEST_CASE("decoder: chunks that were overtaken are in the counts") {
  Fixture f;
  f.window.write(FDR_SLOW, 0, kBegin, call_record(detailed_call(kBegin + 10'000), user_stack()));
  f.window.chunk(FDR_SLOW, 0, 1)->seq = 5;
  f.finish();
  CHECK(f.decoder.counts().overtaken[FDR_SLOW] == 1);
  CHECK(f.timeline.slow.empty());
}

TEST_CASE("decoder: life events name their thread") {
  Fixture f;
  f.table.add_life({from_ns(kBegin + 9), LifeKind::kExec, kThread, "/bin/web", 0});
  f.table.add_life({from_ns(kBegin + 4), LifeKind::kMark, kNoIndex, "deploy", 0});
  f.finish();
  REQUIRE(f.timeline.life.size() == 2);
  CHECK(f.timeline.life[0].text == "deploy");
  CHECK(f.timeline.life[0].thread == kNoIndex);
  CHECK(f.thread(f.timeline.life[1].thread).name == "worker");
}

TEST_CASE("decoder: a thread that is off the CPU now is an open stall, with the stack it left with") {
  Fixture f;
  const Timestamp now = from_ns(kBegin + 50'000);
  std::vector<fdr_parked> parked(FDR_PARKED);
  fdr_parked& place = parked[kThread & (FDR_PARKED - 1)];
  place.thread = kThread;
  place.out_ns = kBegin + 10'000;
  place.stack.flags = FDR_STACK_IN_KERNEL | FDR_STACK_NO_USER;
  place.stack.kernel_frames = 1;
  const std::uint64_t left_from = 0xffffffff81001010;
  std::memcpy(place.data, &left_from, sizeof left_from);
  fdr_thread thread{};
  thread.id = kThread;
  thread.flags = FDR_THREAD_USED | FDR_THREAD_IN_CALL;
  thread.nr = 35;
  thread.out_ns = kBegin + 10'000;
  thread.out_state = 2;
  f.decoder.decode_open_stalls({thread}, parked, now, Duration(1000));
  REQUIRE(f.timeline.stalls.size() == 1);
  CHECK(f.timeline.stalls[0].open);
  CHECK(f.timeline.stalls[0].kind == StallKind::kUninterruptible);
  CHECK(f.timeline.stalls[0].length == Duration(40'000));
  CHECK(f.timeline.stalls[0].syscall == 35);
  CHECK(f.labels(f.timeline.stalls[0].stack) == std::vector<std::string>{"schedule"});

  // Preempted, outside any call; the place holds the stack of an earlier gap, or cannot be right.
  thread.flags = FDR_THREAD_USED;
  thread.out_state = 0;
  place.out_ns -= 1;
  f.decoder.decode_open_stalls({thread}, parked, now, Duration(1000));
  place.out_ns += 1;
  place.stack.kernel_frames = FDR_KERNEL_FRAMES + 1;
  f.decoder.decode_open_stalls({thread}, parked, now, Duration(1000));
  REQUIRE(f.timeline.stalls.size() == 3);
  for (const int i : {1, 2}) {
    CHECK(f.timeline.stalls[i].kind == StallKind::kRunnable);
    CHECK(f.timeline.stalls[i].run_queue == Duration(40'000));
    CHECK(f.timeline.stalls[i].syscall == -1);
    CHECK(f.timeline.stalls[i].stack == kNoStack);
  }

  // None: too short, on the CPU, gone, muted.
  f.decoder.decode_open_stalls({thread}, parked, now, Duration(40'001));
  for (const std::uint32_t flag : {FDR_THREAD_EXITED, FDR_THREAD_MUTE}) {
    thread.flags = FDR_THREAD_USED | flag;
    f.decoder.decode_open_stalls({thread}, parked, now, Duration(1000));
  }
  thread.flags = FDR_THREAD_USED;
  thread.out_ns = 0;
  f.decoder.decode_open_stalls({thread}, parked, now, Duration(1000));
  CHECK(f.timeline.stalls.size() == 3);
}

TEST_CASE("decoder: a pid at a time is one process, however often the pid was used") {
  Fixture f;
  fdr_life end = life_event(FDR_LIFE_EXIT, kBegin + 100, 0, kPid);
  end.group_dead = 1;
  fdr_life next = life_event(FDR_LIFE_FORK, kBegin + 200, thread_id(1, 5), kPid, kPid, "second");
  f.table.apply({end, next}, {}, from_ns(kBegin + 1000), nullptr, 0);
  f.decoder.use_processes(f.table);
  f.finish();
  const std::uint32_t first = f.decoder.process_index(kPid, from_ns(kBegin + 50));
  const std::uint32_t second = f.decoder.process_index(kPid, from_ns(kBegin + 300));
  REQUIRE(first != kNoIndex);
  REQUIRE(second != kNoIndex);
  CHECK(first != second);
  CHECK(f.timeline.processes[second].name == "second");
  CHECK(f.timeline.processes[first].ended == from_ns(kBegin + 100));
  CHECK(f.decoder.process_index(999, from_ns(kBegin)) == kNoIndex);
}

// A small recording that uses every field of the model, for the tests of the trace.
#pragma once

#include <string>

#include "formats/perfetto_writer.hpp"
#include "formats/timeline.hpp"

namespace fdr {

inline constexpr std::uint64_t kSecond = 1'000'000'000;

inline Timestamp at_ms(double ms) { return from_ns(5000 * kSecond) + Duration(static_cast<std::int64_t>(ms * 1e6)); }

inline Timeline example_timeline() {
  using namespace std::chrono_literals;
  Timeline t;
  t.machine = "x86_64";
  t.kernel = "6.1.0-18-amd64";
  t.cpus = 4;
  // The host slept for 1000 s: BOOTTIME runs ahead of MONOTONIC.
  t.anchor = {1'772'368'883'000'000'123, 5060'000'000'007, 6060'000'000'011};
  t.begin = at_ms(0);
  t.end = at_ms(60'000);

  t.processes = {
      {100, 1, 900 * kSecond, "server", "/usr/bin/server", {"/usr/bin/server", "", "--port=80"}, {}, {}, {}, "web"},
      {200, 100, 6030 * kSecond, "sh", "", {}, at_ms(30'000), at_ms(31'000), 256, ""},
      {0, 0, 0, "swapper", "", {}, {}, {}, {}, ""},
      {200, 1, 6050 * kSecond, "later", "", {"later"}, at_ms(50'000), {}, {}, ""},
      {300, 100, 6051 * kSecond, "killed", "", {"killed"}, {}, at_ms(51'000), 0, "web"}};
  t.threads = {{100, 0, "server", {}, {}, {60s, 20s, 5s, 1ms, 10, 20, 30}},
               {101, 0, "worker", {}, at_ms(40'000), {40s, 1ns, 0s, 0s, 1, 0, 18'000'000'000'000'000'000u}},
               {200, 1, "sh", at_ms(30'000), at_ms(31'000), {}},
               {0, 2, "swapper/0", {}, {}, {}},
               {200, 3, "later", at_ms(50'000), {}, {}},
               {999, kNoIndex, "", {}, {}, {}}};

  const auto server = t.stacks.intern_module({ModuleKind::kFile, "/usr/bin/server", "00ffa1b2c3"});
  const auto kernel = t.stacks.intern_module({ModuleKind::kKernel, "[kernel]", ""});
  const auto vdso = t.stacks.intern_module({ModuleKind::kVdso, "[vdso]", "0123456789abcdef0123456789abcdef01234567"});
  const auto anon = t.stacks.intern_module({ModuleKind::kAnonymous, "[anon]", ""});
  const auto old_server = t.stacks.intern_module({ModuleKind::kFile, "/usr/bin/server", ""});
  const auto start = t.stacks.intern_frame(server, 0x1234);
  const auto leaf = t.stacks.intern_frame(server, 0x2000);
  const auto send = t.stacks.intern_frame(kernel, 0xffffffff81234567, "tcp_sendmsg");
  const auto nameless = t.stacks.intern_frame(kernel, 0xffffffff80000000);
  const auto clock = t.stacks.intern_frame(vdso, 0x600);
  const auto jit = t.stacks.intern_frame(anon, 0x7f0000001000);
  const auto old = t.stacks.intern_frame(old_server, 0);
  const StackId user = t.stacks.intern_stack(std::vector{start, leaf});
  const StackId kernel_stack = t.stacks.intern_stack(std::vector{start, leaf, nameless, send});
  const StackId jitted = t.stacks.intern_stack(std::vector{start, jit, clock, old});
  const StackId empty = t.stacks.intern_stack({});

  t.samples = {{at_ms(10), 0, 0, false, user, WalkEnd::kRoot},
               {at_ms(10), 0, 0, false, user, WalkEnd::kRoot},
               {at_ms(20.000001), 1, 3, true, kernel_stack, WalkEnd::kKernelOnly},
               {at_ms(30), 0, 1, false, jitted, WalkEnd::kNoUnwindInfo},
               {at_ms(40), 3, 2, true, kNoStack, WalkEnd::kNotWalked},
               {at_ms(45), 0, 2, false, empty, WalkEnd::kUnreadable},
               {at_ms(30'500), 2, 0, false, user, WalkEnd::kTooDeep},
               {at_ms(50'500), 4, 0, false, user, WalkEnd::kStuck},
               {at_ms(50'600), kNoIndex, 65535, false, kNoStack, WalkEnd::kCopyTooShort}};

  t.syscalls = {{at_ms(-90'000), 90'050ms, 20us, 0, 232, SyscallAbi::kNative, 1, 3, 7},  // began long before the window
                {at_ms(-50), 10ms, 1us, 1, 1, SyscallAbi::kNative, 0, 512, 4},           // ended before it
                {at_ms(5), 10us, 9us, 1, 262, SyscallAbi::kNative, 3, -2, UINT64_MAX},
                {at_ms(5), 0s, 0s, 3, 0, SyscallAbi::kNative, 0, 0, 0},        // the same moment, another CPU
                {at_ms(5.1), 10us, 9us, 1, 5, SyscallAbi::kCompat, 2, -9, 3},  // another table of numbers
                {at_ms(5.2), 10us, 9us, 1, 1, SyscallAbi::kX32, 2, INT64_MIN, 3},
                {at_ms(5.3), 10us, 9us, 1, 600, SyscallAbi::kNative, 1, INT64_MAX, 3},
                {at_ms(5.4), 10us, 9us, kNoIndex, 2, SyscallAbi::kNative, 1, 1, 3},
                {at_ms(5.5), 10us, 9us, 1, 2, SyscallAbi::kNative, 4096, 1, 3},
                {at_ms(60), 1s, 10us, 0, 232, SyscallAbi::kNative, 1, 3, 7}};

  t.slow = {{t.syscalls[9], {7, 2, 3, 4, 5, UINT64_MAX}, "socket 10.0.0.1:80", kernel_stack, WalkEnd::kKernelOnly},
            {{at_ms(70), 30ms, 0s, 0, 74, SyscallAbi::kNative, 1, 0, 7}, {}, "", kNoStack, WalkEnd::kNotWalked}};
  t.failed = {{t.syscalls[2], {1, 0, 0, 0, 0, 0}, "/etc/missing\xff", user, WalkEnd::kRoot}};
  t.summary = {{at_ms(0), 1s, 0, 232, SyscallAbi::kNative, 1000, 3, 900ms, 9ms, 100ms, {}},
               {at_ms(1000), 1s, kNoIndex, 5, SyscallAbi::kCompat, UINT64_MAX, 0, 0s, 0s, 0s, {}}};
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) t.summary[0].histogram[i] = static_cast<std::uint32_t>(i * 1000);
  t.errors = {{0, 262, 2, 12345}, {kNoIndex, 0, 11, 1}};
  t.failing = {{"curl", 4711, {"xargs", "sh\xff", ""}, true, 21, SyscallAbi::kCompat, 2, "/var/lib/", "/var/lib/.1_\x1b", UINT64_MAX, 12345, at_ms(-90'000), at_ms(50)},
               {"", 0, {}, false, 0, SyscallAbi::kNative, 0, "", "", 0, 0, at_ms(0), at_ms(0)}};
  t.stalls = {
      {at_ms(100), 500ms, 1ms, 0, StallKind::kReclaim, false, 1, kernel_stack, WalkEnd::kKernelOnly},
      {at_ms(200), 100ms, 0s, 0, StallKind::kWait, false, -1, kNoStack, WalkEnd::kNotWalked},  // within the other
      {at_ms(550), 200ms, 0s, 0, StallKind::kRunnable, false, -1, user, WalkEnd::kRoot},       // across its end
      {at_ms(59'000), 1s, 0s, 1, StallKind::kUninterruptible, true, 17, kernel_stack, WalkEnd::kKernelOnly},
      {at_ms(59'500), 1ms, 0s, kNoIndex, StallKind::kBlocked, false, 0, kNoStack, WalkEnd::kRoot}};
  t.growth = {{at_ms(10), 0, GrowthKind::kAnonymous, 262144, 0x7f0000001000, "[heap]", std::nullopt, user, WalkEnd::kRoot},
              {at_ms(20), 1, GrowthKind::kShared, 1u << 30, UINT64_MAX, "/dev/shm/\xff", at_ms(30), kernel_stack, WalkEnd::kTooDeep},
              {at_ms(20), kNoIndex, GrowthKind::kFile, 0, 0, "", std::nullopt, kNoStack, WalkEnd::kNotWalked}};
  t.life = {{at_ms(30'000), LifeKind::kFork, 2, "", 0},
            {at_ms(30'001), LifeKind::kExec, 2, "/bin/sh", 0},
            {at_ms(31'000), LifeKind::kExit, 2, "", 256},
            {at_ms(40'000), LifeKind::kMark, kNoIndex, "deploy v2", 0},
            {at_ms(55'000), LifeKind::kTrigger, kNoIndex, "system-cpu", -1},
            {at_ms(55'001), LifeKind::kNote, kNoIndex, "", 0}};
  t.metrics = {
      {"host.cpu.system", Unit::kPercent, MetricKind::kGauge, {{at_ms(0), 1.5}, {at_ms(100), 2.25}, {at_ms(200), 0.0}}},
      {"host.mem.free", Unit::kBytes, MetricKind::kGauge, {{at_ms(0), 1e12}, {at_ms(200), -1.0 / 3}}},
      {"process[web].syscalls", Unit::kCount, MetricKind::kCounter, {{at_ms(100), 9007199254740993.0}}},
      {"beat.x.age", Unit::kSeconds, MetricKind::kGauge, {}}};
  return t;
}

inline std::string trace_of(const Timeline& timeline, const TraceTrigger& trigger = {"system-cpu", at_ms(55'000)}) {
  std::string bytes;
  write_perfetto(timeline, trigger, [&](std::string_view piece) { bytes += piece; });
  return bytes;
}

}  // namespace fdr

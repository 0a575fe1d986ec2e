// A made-up minute of a haproxy that spins in the kernel, for the tests of report, show and exports: every kind of
// record, with figures that are easy to check by hand. 99 samples a second of which two thirds are in the kernel, one
// frozen fsync, failing opens by a bystander.
#pragma once

#include <string>
#include <vector>

#include "formats/bundle_reader.hpp"
#include "formats/syscall_names.hpp"

namespace fdr::incident {

inline constexpr std::int64_t kFired = 1'000'000'000'000;  // monotonic ns of the firing
inline Timestamp at(double seconds) { return Timestamp{Duration{kFired}} + from_seconds(seconds); }
inline std::uint16_t number(const char* name) { return *syscall_number(name); }

struct Made {
  Bundle bundle;
  FrameNames names;
};

inline Process process(std::int32_t pid, const char* name, const char* target, std::vector<std::string> command) {
  Process p;
  p.pid = pid;
  p.parent = 1;
  p.name = name;
  p.target = target;
  p.executable = command.front();
  p.command_line = std::move(command);
  return p;
}

inline Thread thread(std::int32_t tid, std::uint32_t owner, const char* name, double on_cpu_s) {
  Thread t;
  t.tid = tid;
  t.process = owner;
  t.name = name;
  t.account.observed = from_seconds(65);
  t.account.on_cpu = from_seconds(on_cpu_s);
  t.account.in_syscalls = from_seconds(on_cpu_s / 2);
  t.account.run_queue = from_seconds(0.65);
  t.account.voluntary_switches = 12'000;
  t.account.involuntary_switches = 340;
  t.account.syscalls = 100'000;
  return t;
}

inline SyscallSummary summary(double begin, std::uint32_t owner, const char* name, std::uint64_t calls,
                              std::uint64_t errors, Duration wall, Duration cpu, Duration max) {
  SyscallSummary s;
  s.begin = at(begin);
  s.interval = from_seconds(1);
  s.process = owner;
  s.number = number(name);
  s.calls = calls;
  s.errors = errors;
  s.wall = wall;
  s.cpu = cpu;
  s.max = max;
  return s;
}

inline SyscallCall call(double begin, std::uint32_t who, const char* name, Duration wall, std::int64_t result) {
  SyscallCall c;
  c.begin = at(begin);
  c.wall = wall;
  c.cpu = wall / 10;
  c.thread = who;
  c.number = number(name);
  c.result = result;
  return c;
}

inline Made make() {
  using namespace std::chrono_literals;
  Made made;
  Timeline& t = made.bundle.timeline;
  t.kernel = "6.1.0-13-amd64";
  t.cpus = 8;
  t.anchor = {1'772'368'883'456'000'000, kFired, kFired + 5'000'000'000};
  t.begin = at(-60);
  t.end = at(5);

  t.processes.push_back(process(4242, "haproxy", "haproxy", {"/usr/sbin/haproxy", "-f", "/etc/haproxy/haproxy.cfg"}));
  t.processes.push_back(process(777, "curl", "", {"curl", "-s", "http://127.0.0.1/health"}));
  t.processes[1].started = at(-2.5);
  t.processes[1].ended = at(-2.1);
  t.processes[1].wait_status = 7 << 8;
  t.threads.push_back(thread(4242, 0, "haproxy", 52));
  t.threads.push_back(thread(4250, 0, "haproxy/log", 0.5));
  t.threads.push_back(thread(777, 1, "curl", 0.1));

  // Frames: names for the program, none for the library, the kernel's own for the kernel.
  const auto program = t.stacks.intern_module({ModuleKind::kFile, "/usr/sbin/haproxy", "0123456789abcdef"});
  const auto library = t.stacks.intern_module({ModuleKind::kFile, "/usr/lib/libssl.so.3", "fedcba9876543210"});
  const auto kernel = t.stacks.intern_module({ModuleKind::kKernel, "[kernel]", ""});
  const auto frame = [&](std::uint32_t module, std::uint64_t offset, std::vector<SourceFrame> names,
                         const std::string& kernel_name = {}) {
    const auto id = t.stacks.intern_frame(module, offset, kernel_name);
    made.names.resize(std::max<std::size_t>(made.names.size(), id + 1));
    made.names[id] = std::move(names);
    return id;
  };
  const auto main_ = frame(program, 0x1000, {{"main", "src/haproxy.c", 3401}});
  const auto poll = frame(program, 0x2000, {{"run_poll_loop", "src/haproxy.c", 2990}});
  const auto send =
      frame(program, 0x3000, {{"conn_send", "include/conn.h", 71}, {"raw_sock_from_buf", "src/raw_sock.c", 389}});
  const auto ssl = frame(library, 0x1234, {});
  const auto tcp = frame(kernel, 0xffffffff81000100, {}, "tcp_sendmsg");
  const auto lock = frame(kernel, 0xffffffff81000200, {}, "_raw_spin_lock");
  const std::uint32_t spinning[] = {main_, poll, send, tcp, lock};
  const std::uint32_t crypting[] = {main_, poll, ssl};
  const std::uint32_t sending[] = {main_, poll, send};
  const StackId in_lock = t.stacks.intern_stack(spinning), in_ssl = t.stacks.intern_stack(crypting),
                in_send = t.stacks.intern_stack(sending);

  // One sample each 10 ms: of six, four in the lock, one in the library, one in the program itself. One is the
  // bystander's each second.
  for (int i = 0; i < 6500; ++i) {
    const Timestamp time = at(-60 + 0.01 * i + 0.005);
    if (i % 100 == 99) {
      t.samples.push_back({time, 2, 3, false, in_send, WalkEnd::kRoot});
      continue;
    }
    const int kind = i % 6;
    t.samples.push_back({time, kind == 5 ? 1u : 0u, 1, kind < 4,
                         kind < 4    ? in_lock
                         : kind == 4 ? in_ssl
                                     : in_send,
                         i % 50 == 0 ? WalkEnd::kNoUnwindInfo : WalkEnd::kRoot});
  }

  for (int second = -60; second < 5; ++second) {
    t.summary.push_back(summary(second, 0, "epoll_wait", 1000, 0, 700ms, 10ms, 40ms));
    t.summary.push_back(summary(second, 0, "sendto", 2000, 20, 300ms, 200ms, 2ms));
    t.summary.push_back(
        summary(second, 1, "openat", 5, 5, 1ms, 1ms, 1ms));  // the bystander's: not in the targets' table
  }
  t.errors.push_back({0, number("sendto"), 11, 1300});

  for (int i = 0; i < 10; ++i) t.syscalls.push_back(call(4 + 0.01 * i, 0, "sendto", 150us, 1460));
  DetailedCall slow{
      call(-1.2, 1, "fsync", 3770ms, 0), {9, 0, 0, 0, 0, 0}, "/var/log/haproxy.log", in_send, WalkEnd::kRoot};
  t.slow.push_back(slow);
  for (int i = 0; i < 12; ++i)
    t.failed.push_back(
        {call(-2.5 + 0.01 * i, 2, "openat", 3us, -2), {}, "/etc/pki/nssdb/key4.db", kNoStack, WalkEnd::kNotWalked});
  t.failed.push_back({call(1, 2, "connect", 3us, -111), {}, "127.0.0.1:80\x1b[2J", kNoStack, WalkEnd::kNotWalked});

  const auto stall = [&](double begin, Duration length, std::uint32_t who, StallKind kind, const char* name,
                         StackId stack) {
    Stall s;
    s.begin = at(begin);
    s.length = length;
    s.thread = who;
    s.kind = kind;
    s.syscall = name ? number(name) : -1;
    s.stack = stack;
    t.stalls.push_back(s);
  };
  stall(-50, 40s, 0, StallKind::kWait, "epoll_wait", kNoStack);  // waiting by nature: never on the first screen
  stall(-1.2, 3770ms, 1, StallKind::kUninterruptible, "fsync", in_send);
  stall(-0.9, 120ms, 0, StallKind::kRunnable, nullptr, kNoStack);
  stall(2, 80ms, 0, StallKind::kReclaim, nullptr, in_lock);

  t.life.push_back({at(-2.5), LifeKind::kExec, 2, "/usr/bin/curl", 0});
  t.life.push_back({at(-2.1), LifeKind::kExit, 2, "", 7 << 8});
  t.life.push_back({at(0), LifeKind::kTrigger, kNoIndex, "system-cpu", 0});
  t.life.push_back({at(3), LifeKind::kMark, kNoIndex, "deploy v2", 0});

  MetricSeries system{"process[haproxy].cpu.system", Unit::kPercent, MetricKind::kGauge, {}};
  MetricSeries memory{"host.mem.free", Unit::kBytes, MetricKind::kGauge, {}};
  MetricSeries faults{"host.vm.faults", Unit::kCount, MetricKind::kCounter, {}};
  MetricSeries flat{"host.swap.used", Unit::kBytes, MetricKind::kGauge, {}};
  for (int i = 0; i < 650; ++i) {
    const double seconds = -60 + 0.1 * i;
    system.points.push_back({at(seconds), seconds < -1.5 ? 8.0 + i % 3 : 41.25});
    memory.points.push_back({at(seconds), seconds < 0.5 ? 900e6 : 300e6});
    faults.points.push_back({at(seconds), 100.0 * i});
    flat.points.push_back({at(seconds), 0});
  }
  t.metrics = {flat, memory, faults, system};

  Manifest& m = made.bundle.manifest;
  made.bundle.path = "incident.fdr";
  m.fdr_version = "0.1.0";
  m.host = {"web1", "6.1.0-13-amd64", "x86_64", 8, 16ull << 30};
  m.target = {"attach", {4242}, {"/usr/sbin/haproxy", "-f", "/etc/haproxy/haproxy.cfg"}, {"haproxy"}, {}, {}};
  m.trigger = {"system-cpu",
               "process[haproxy].cpu.system > 30% for 1s",
               41.25,
               "41.2 %",
               "process[haproxy].cpu.system > 30% held for 1.0 s; value 41.2 %",
               t.anchor.realtime_ns,
               kFired};
  m.window = {to_ns(t.begin), to_ns(t.end), 60, 5};
  m.clock = t.anchor;
  m.stacks = {6435, 6305, {{"root", 6305}, {"no-unwind-info", 130}}};
  for (const char* ring : {"stacks", "stalls", "slow", "failed", "summary"})
    m.rings[ring] = {65, 65, 6500, 6500, 0, 0, 0, 0};
  m.rings["syscalls"] = {65, 2.1, 9'000'000, 300'000, 8'700'000, 0, 0, 0};
  m.rings["stacks"].missed = 12;
  m.cost = {0.31, 18u << 20, 64u << 20, 0.62};
  m.losses = {"syscalls: the ring held 2.1 s of the 65 s asked (give more memory with -m)",
              "stacks: 12 clock ticks did not run"};
  m.backend = "bpf";
  return made;
}

inline std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at_ = text.find(what); at_ != std::string::npos; at_ = text.find(what, at_ + 1)) ++found;
  return found;
}

inline bool contains(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

}  // namespace fdr::incident

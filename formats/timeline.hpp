// Timeline: everything a recording says, decoded: what the dumper fills, the bundle holds and every reader reads.
//
// One model for both halves, so that writing and reading a bundle are inverse to each other (tests hold it to that).
// Times are CLOCK_MONOTONIC (clock.hpp). Records name threads and processes by index into the tables here, never by a
// bare pid, since pids are reused. Records of each kind are sorted by time. Plain data; not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/clock.hpp"
#include "formats/stacks.hpp"

namespace fdr {

inline constexpr std::uint32_t kNoIndex = UINT32_MAX;

struct Process {
  std::int32_t pid = 0;
  std::int32_t parent = 0;               // 0 where unknown
  std::uint64_t start_boottime_ns = 0;   // with pid the identity
  std::string name;                      // comm
  std::string executable;                // path, empty where unknown
  std::vector<std::string> command_line;
  std::optional<Timestamp> started;      // seen to start (fork), else older than the recording
  std::optional<Timestamp> ended;
  std::optional<int> wait_status;        // as waitpid(2) gives it, once ended
  std::string target;                    // name of the [[target]] it belongs to, empty for none
  bool operator==(const Process&) const = default;
};

// Sums since the recorder first saw the thread; kept by the kernel side, exact whatever the rings overwrote.
struct ThreadAccount {
  Duration observed{};     // how long it was watched
  Duration on_cpu{};
  Duration in_syscalls{};  // CPU time inside system calls, a part of on_cpu
  Duration run_queue{};    // runnable but not running
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t syscalls = 0;
  bool operator==(const ThreadAccount&) const = default;
};

struct Thread {
  std::int32_t tid = 0;
  std::uint32_t process = kNoIndex;
  std::string name;
  std::optional<Timestamp> started;
  std::optional<Timestamp> ended;
  ThreadAccount account;
  bool operator==(const Thread&) const = default;
};

struct StackSample {
  Timestamp time;
  std::uint32_t thread = kNoIndex;
  std::uint16_t cpu = 0;
  bool in_kernel = false;
  StackId stack = kNoStack;
  WalkEnd end = WalkEnd::kNotWalked;
  bool operator==(const StackSample&) const = default;
};

enum class SyscallAbi : std::uint8_t { kNative = 0, kCompat = 1, kX32 = 2 };

struct SyscallCall {
  Timestamp begin;
  Duration wall{};
  Duration cpu{};
  std::uint32_t thread = kNoIndex;
  std::uint16_t number = 0;
  SyscallAbi abi = SyscallAbi::kNative;
  std::uint16_t cpu_id = 0;           // where it returned
  std::int64_t result = 0;            // -errno on failure
  std::uint64_t argument = 0;         // the first one
  bool operator==(const SyscallCall&) const = default;
};

// A slow or a failed call, kept whole.
struct DetailedCall {
  SyscallCall call;
  std::array<std::uint64_t, 6> arguments{};
  std::string subject;  // the path, or the file or peer of the descriptor; as seen at entry or return, may be empty
  StackId stack = kNoStack;
  WalkEnd end = WalkEnd::kNotWalked;
  bool operator==(const DetailedCall&) const = default;
};

inline constexpr std::size_t kHistogramBuckets = 24;  // log2 of ns: bucket i holds [2^(i+8), 2^(i+9)), first and last open

// Calls of one process and number in one interval: exact.
struct SyscallSummary {
  Timestamp begin;       // of the interval
  Duration interval{};
  std::uint32_t process = kNoIndex;  // kNoIndex: processes that found no room in the table, together
  std::uint16_t number = 0;
  SyscallAbi abi = SyscallAbi::kNative;
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  Duration wall{};
  Duration cpu{};
  Duration max{};
  std::array<std::uint32_t, kHistogramBuckets> histogram{};
  bool operator==(const SyscallSummary&) const = default;
};

// Failures by errno over the whole recording; the quiet ones (EAGAIN, timeouts) too.
struct ErrorCount {
  std::uint32_t process = kNoIndex;
  std::uint16_t number = 0;
  int error = 0;
  std::uint64_t count = 0;
  bool operator==(const ErrorCount&) const = default;
};

// Failed calls of all processes of one name, added up by call, error and directory: of the whole host, the quiet ones left out. Covers
// the window and up to as much again before it.
struct FailedSum {
  std::string process;                 // comm
  std::int32_t pid = 0;                // of the last that failed so
  std::vector<std::string> ancestors;  // of the first: the comm of its parent, of that one's parent, ...
  bool of_target = false;
  std::uint16_t number = 0;
  SyscallAbi abi = SyscallAbi::kNative;
  int error = 0;
  std::string directory;               // as the program wrote it, with its slash; empty: a path without one, or none
  std::string example;                 // the whole path of one of them
  std::uint64_t calls = 0;
  std::uint64_t distinct = 0;          // paths, estimated: within 20 % in all but few cases
  Timestamp first;                     // since the recorder began to count these
  Timestamp last;
  bool operator==(const FailedSum&) const = default;
};

enum class StallKind : std::uint8_t {
  kWait,        // off CPU in a call that waits by nature (epoll_wait, futex, nanosleep ...)
  kBlocked,     // off CPU in another call, or outside any
  kUninterruptible,
  kRunnable,    // preempted or woken, and not given a CPU
  kReclaim,     // in the kernel, freeing memory before an allocation could go on
  kCompaction,
  kThrottled,   // its group has used up its quota of CPU time
  kCount
};
const char* stall_kind_name(StallKind kind);

struct Stall {
  Timestamp begin;
  Duration length{};
  Duration run_queue{};      // the part of it spent runnable
  std::uint32_t thread = kNoIndex;
  StallKind kind = StallKind::kBlocked;
  bool open = false;         // still going on when the snapshot was taken
  std::int32_t syscall = -1; // number of the call it happened in
  StackId stack = kNoStack;
  WalkEnd end = WalkEnd::kNotWalked;
  bool operator==(const Stall&) const = default;
};

enum class GrowthKind : std::uint8_t { kAnonymous, kFile, kShared, kCount };
const char* growth_kind_name(GrowthKind kind);

// A sample of memory that became resident: `bytes` of it, of which this thread brought in the last at `address`.
struct Growth {
  Timestamp time;
  std::uint32_t thread = kNoIndex;
  GrowthKind kind = GrowthKind::kAnonymous;
  std::uint64_t bytes = 0;              // its weight: what the process's account of this kind grew by since the last sample
  std::uint64_t address = 0;            // 0: brought in by a call, not by touching it
  std::string region;                   // what was mapped there at the dump: "[heap]", a path; empty: anonymous or unknown
  std::optional<Timestamp> given_back;  // was seen to be gone again by then
  StackId stack = kNoStack;
  WalkEnd end = WalkEnd::kNotWalked;
  bool operator==(const Growth&) const = default;
};

enum class LifeKind : std::uint8_t { kFork, kExec, kExit, kThreadStart, kThreadExit, kMark, kTrigger, kNote };
const char* life_kind_name(LifeKind kind);

struct LifeEvent {
  Timestamp time;
  LifeKind kind = LifeKind::kNote;
  std::uint32_t thread = kNoIndex;  // who (the child for kFork), kNoIndex for marks and notes
  std::string text;                 // path of an exec, text of a mark or note, name of a trigger
  std::int64_t value = 0;           // wait status of an exit
  bool operator==(const LifeEvent&) const = default;
};

enum class Unit : std::uint8_t { kNone, kPercent, kBytes, kSeconds, kCount };
enum class MetricKind : std::uint8_t { kGauge, kCounter };

// One metric over the window. Unknown values are not stored: a gap in `points` is a gap in knowledge.
struct MetricSeries {
  struct Point {
    Timestamp time;
    double value = 0;
    bool operator==(const Point&) const = default;
  };
  std::string name;
  Unit unit = Unit::kNone;
  MetricKind kind = MetricKind::kGauge;
  std::vector<Point> points;
  bool operator==(const MetricSeries&) const = default;
};

struct Timeline {
  std::string machine = "x86_64";  // uname -m: selects the names of system calls
  std::string kernel;              // uname -r
  int cpus = 0;
  ClockAnchor anchor;
  Timestamp begin;  // of the window asked for; the rings say what was obtained
  Timestamp end;

  std::vector<Process> processes;
  std::vector<Thread> threads;
  StackTable stacks;

  std::vector<StackSample> samples;
  std::vector<SyscallCall> syscalls;
  std::vector<DetailedCall> slow;
  std::vector<DetailedCall> failed;
  std::vector<SyscallSummary> summary;
  std::vector<ErrorCount> errors;
  std::vector<FailedSum> failing;
  std::vector<Stall> stalls;
  std::vector<Growth> growth;
  std::vector<LifeEvent> life;
  std::vector<MetricSeries> metrics;
};

}  // namespace fdr

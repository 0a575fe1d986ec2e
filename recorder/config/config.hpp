// What a recorder is told to do, with every default said here: plain data, read and checked in recorder/config_file/ and by the command
// line. Immutable once built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/config/collector_config.hpp"
#include "recorder/config/log_config.hpp"
#include "recorder/config/notify_config.hpp"
#include "recorder/config/user_metric_config.hpp"
#include "triggers/engine.hpp"
#include "triggers/heartbeat.hpp"

namespace fdr {

enum class SyscallDetail { kAll, kSummary, kOff };
enum class BackendChoice { kAuto, kBpf, kPerf, kProc };
enum class OnExit { kNever, kFailure, kAlways };

// Without any of pids, comm and exe it only names what the command line chooses.
struct TargetConfig {
  std::string name;                // process[NAME]
  std::vector<std::int32_t> pids;  // match.pid, or the command line
  std::string comm;                // match.comm: every process of that name at the start
  std::string exe;                 // match.exe: path of the executable
  std::string unit = {};           // match.unit: of systemd, with its suffix
  std::string cgroup = {};         // match.cgroup: "/a/b", or below
  std::string container = {};      // match.container: id, or its first 12 figures and more
  bool all = false;                // match.all: every process but kernel threads, ourselves and our parents
  bool heap = false;               // its allocations are sampled: who holds memory, at the price of a probe in each malloc and free
};

// The long history: on disk, one file for each recorder's name.
struct HistoryConfig {
  bool enabled = true;
  std::string directory{};  // empty: "history" below that of the bundles
  std::uint64_t max_bytes = 16u << 20;
};

// Quiet slices to compare with: when the recorder has begun, at each mark, and every so often.
struct BaselineConfig {
  bool enabled = true;
  Duration every = std::chrono::hours(1);
  Duration span = std::chrono::seconds(20);  // that one covers; never more than the window
};

// What is left on disk when the host dies.
struct SlicesConfig {
  std::optional<bool> enabled{};  // unset: attach does
};

struct Config {
  Duration span = std::chrono::seconds(60);
  Duration after = std::chrono::seconds(5);
  std::optional<std::uint64_t> memory;  // default max(64 MB, 8 MB x CPUs), memory_bytes()
  unsigned frequency = 99;              // Hz per CPU
  Duration off_cpu = std::chrono::milliseconds(1);
  SyscallDetail detail = SyscallDetail::kAll;
  BackendChoice backend = BackendChoice::kAuto;  // who records; auto: the first of the others that this host allows
  bool allow_ptrace = false;            // backend proc: threads that run are stopped at a firing to read their stacks
  bool host_tier = true;                // what other programs of the host do, thinly
  Duration slow = std::chrono::milliseconds(10);
  Duration every = std::chrono::milliseconds(100);
  std::string directory = "/var/lib/fdr";
  unsigned keep = 10;
  std::uint64_t max_bytes = 2ull << 30;
  double keep_free_percent = 5;
  HistoryConfig history{};
  BaselineConfig baseline{};
  SlicesConfig slices{};
  std::optional<double> max_cpu{};      // percent of one CPU that recording may cost before it takes less detail
  std::optional<bool> default_rules{};  // unset: where there is no rule and no heartbeat
  std::vector<TargetConfig> targets;
  std::vector<RuleConfig> rules;
  std::vector<HeartbeatConfig> heartbeats;
  std::vector<CollectorConfig> collectors;
  std::vector<LogConfig> logs;
  std::vector<UserMetricConfig> metrics;
  std::vector<NotifyConfig> notifiers;
  std::string name;  // of the recorder; empty: from the target
  bool wait = false;                         // attach: for targets to come, and to come again
  std::optional<OnExit> on_exit;             // unset: failure for run, never otherwise

  static constexpr double kLeastCpuPercent = 0.1, kMostCpuPercent = 100;
  static constexpr Duration kLeastSpan = std::chrono::seconds(1), kMostSpan = std::chrono::hours(1), kMostAfter = std::chrono::minutes(10);
  static constexpr unsigned kMostFrequency = 10'000;  // Hz
  std::uint64_t memory_bytes(int cpus) const;
  bool wants_heap() const;  // of any target
  Duration longest_after() const;  // window.after, or that of a rule
};

// Names accepted for whatever the configuration names: [A-Za-z0-9._-]{1,32}.
bool valid_name(std::string_view name);
// Names of the targets, in order: process[NAME].
std::vector<std::string> target_names(const Config& config);
const char* backend_word(BackendChoice choice);  // "auto", "bpf", "perf", "proc"

}  // namespace fdr

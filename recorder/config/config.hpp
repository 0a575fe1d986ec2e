// The configuration: TOML file and command line, checked, with every default said here. Immutable once built.
//
// Unknown keys, wrong types, sizes without a unit, a `for` of half the window or more, a condition that does not parse,
// and what this version does not do yet: Error "FILE:LINE:COLUMN: ..." with a suggestion. toml++ is named in
// config_section.hpp only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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

// Files larger than 1 MB are refused. In a file without [[target]], process[NAME] of any NAME is accepted: the command
// line may name it.
Config load_config(const std::string& path);                                 // throws Error
Config parse_config(std::string_view toml, const std::string& source_name);  // the same from text, for tests
// `--when 'EXPR [for DURATION]'`; `ordinal` names it ("when-1").
RuleConfig rule_from_flag(const std::string& text, std::size_t ordinal);
// Where it has no targets: with those that the rules speak of as process[NAME], to be chosen on the command line.
Config with_implied_targets(Config config);
// What can only be said of the whole, file and flags together: names used twice, `for` and look-back against the
// window, every condition against the metrics there are. Throws Error at the place of the rule.
void check_config(const Config& config);
// All rules: the written ones, those the heartbeats imply, and the default ones where they apply (default_rules.hpp); of these without
// any whose name is taken.
std::vector<RuleConfig> all_rules(const Config& config);
bool default_rules_apply(const Config& config);
const char* backend_word(BackendChoice choice);  // "auto", "bpf", "perf", "proc"
// The effective configuration as TOML, stored in every bundle and printed by `fdr check`.
std::string config_toml(const Config& config);

}  // namespace fdr

#include "recorder/commands/recording_options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "formats/error.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/system/trust.hpp"
#include "triggers/expression.hpp"

namespace fdr {

Duration duration_flag(const std::string& flag, const std::string& text, Duration least, Duration most) {
  const auto duration = parse_duration(text);
  if (!duration) throw Error(flag + ": '" + text + "' is not a duration", "give a number with a unit: 500ms, 60s, 10m");
  if (*duration < least || *duration > most)
    throw Error(flag + ": '" + text + "' is not between " + duration_literal(least) + " and " + duration_literal(most), flag + " " + duration_literal(std::clamp(*duration, least, most)));
  return *duration;
}

void add_recording_options(CLI::App& command, RecordingOptions& options) {
  command.add_option("-c,--config", options.config_file, "configuration file (TOML); flags go over it");
  command.add_option("--when", options.when, "a rule: 'EXPR [for DURATION]'; repeatable")->allow_extra_args(false);
  command.add_flag("--no-default-rules", options.no_default_rules, "without a rule nothing fires (fdr check --defaults shows what would)");
  command.add_option("-w,--window", options.window, "how far back a bundle reaches [60s]");
  command.add_option("--after", options.after, "how long it goes on after the firing [5s]");
  command.add_option("-m,--memory", options.memory, "ceiling of rings, snapshot and tables [64MB, 8MB a CPU]");
  command.add_option("-F,--frequency", options.frequency, "stack samples a second on each CPU [99]")->check(CLI::Range(1u, Config::kMostFrequency));
  command.add_option("-o,--output", options.output, "directory of the bundles [/var/lib/fdr]");
  command.add_option("--on-exit", options.on_exit, "a bundle when the target ends: never, failure, always")
      ->check(CLI::IsMember({"never", "failure", "always"}));
  command.add_option("--name", options.name, "name of this recorder [from the target]");
  command.add_option("--syscalls", options.syscalls, "all, summary (no single calls), off (no hooks at all) [all]")
      ->check(CLI::IsMember({"all", "summary", "off"}));
  command.add_option("--max-cpu", options.max_cpu, "what recording may cost, of one CPU: 1%; detail goes where it costs more [as much as it costs]");
  command.add_option("--backend", options.backend, "who records: bpf, perf, proc (README: Backends) [auto: the first that this host allows]")
      ->check(CLI::IsMember({"auto", "bpf", "perf", "proc"}));
  command.add_flag("--allow-ptrace", options.allow_ptrace, "backend proc: stop threads that run for a moment at a firing, to read their stacks; their epoll_wait may return EINTR");
  command.add_flag("--heap", options.heap,
                   "sample the targets' allocations: who holds memory, by allocation site; a probe in each malloc and free while fdr runs (README: Cost)");
  command.add_flag("-q,--quiet", options.quiet, "say nothing but errors");
  command.add_flag("-v,--verbose", options.verbose, "say what could not be had");
}

namespace {

bool may_write_there(const std::string& directory) {
  if (::geteuid() == 0 || ::access(directory.c_str(), W_OK) == 0) return true;
  return errno == ENOENT && ::access(std::filesystem::path(directory).parent_path().c_str(), W_OK) == 0;
}

// Of who is not root: XDG Base Directory Specification, state that outlives a restart.
std::string own_bundles() {
  const char *state = std::getenv("XDG_STATE_HOME"), *home = std::getenv("HOME");
  const std::string base = state && *state == '/' ? state : home && *home == '/' ? std::string(home) + "/.local/state" : "";
  if (base.empty()) return Config{}.directory;
  std::error_code ignored;
  std::filesystem::create_directories(base, ignored);
  return base + "/fdr";
}

}  // namespace

Config effective_config(const RecordingOptions& options, OnExit default_on_exit) {
  Config config = options.config_file.empty() ? Config{} : load_config(options.config_file);
  require_trusted(config, options.config_file);
  for (std::size_t i = 0; i < options.when.size(); ++i) config.rules.push_back(rule_from_flag(options.when[i], i + 1));
  if (options.no_default_rules) config.default_rules = false;
  if (!options.window.empty()) config.span = duration_flag("--window", options.window, Config::kLeastSpan, Config::kMostSpan);
  if (!options.after.empty()) config.after = duration_flag("--after", options.after, Duration{}, Config::kMostAfter);
  if (!options.memory.empty()) {
    config.memory = parse_size(options.memory);
    if (!config.memory) throw Error("--memory: '" + options.memory + "' is not a size", "give a number with a unit: 64MB, 1GB");
  }
  if (!options.max_cpu.empty()) {
    config.max_cpu = parse_percent(options.max_cpu);
    if (!config.max_cpu || *config.max_cpu < Config::kLeastCpuPercent || *config.max_cpu > Config::kMostCpuPercent)
      throw Error("--max-cpu: '" + options.max_cpu + "' is no share of a CPU", "give 0.1% to 100%: 1%");
  }
  if (options.frequency) config.frequency = options.frequency;
  if (!options.output.empty()) config.directory = options.output;
  if (!options.name.empty()) config.name = options.name;
  if (!config.name.empty() && !valid_name(config.name)) throw Error("'" + config.name + "' cannot be a name", "use 1 to 32 of A-Z a-z 0-9 . _ -");
  if (!options.on_exit.empty())
    config.on_exit = options.on_exit == "always" ? OnExit::kAlways : options.on_exit == "failure" ? OnExit::kFailure : OnExit::kNever;
  if (!config.on_exit) config.on_exit = default_on_exit;
  if (!options.syscalls.empty())
    config.detail = options.syscalls == "all" ? SyscallDetail::kAll : options.syscalls == "summary" ? SyscallDetail::kSummary : SyscallDetail::kOff;
  for (const BackendChoice choice : {BackendChoice::kAuto, BackendChoice::kBpf, BackendChoice::kPerf, BackendChoice::kProc})
    if (options.backend == backend_word(choice)) config.backend = choice;
  config.allow_ptrace |= options.allow_ptrace;
  return config;
}

void settle_directory(Config& config) {
  if (!answers(config.directory)) throw Error(config.directory + ": " + kSilent, "choose another directory with -o");
  if (config.directory == Config{}.directory && !may_write_there(config.directory)) config.directory = own_bundles();
}

void apply_heap(const RecordingOptions& options, Config& config) {
  for (TargetConfig& target : config.targets) target.heap |= options.heap;
}

std::string name_from(const std::string& text) {
  std::string name = text.substr(text.rfind('/') + 1).substr(0, 28);
  for (char& c : name)
    if (!valid_name(std::string_view(&c, 1))) c = '-';
  return valid_name(name) ? name : "target";
}

}  // namespace fdr

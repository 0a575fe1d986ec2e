#include "recorder/config_file/config_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <set>

#include "formats/text.hpp"
#include "recorder/config_file/config_outside.hpp"
#include "recorder/config_file/config_section.hpp"
#include "recorder/config_file/default_rules.hpp"
#include "recorder/targets/containers.hpp"
#include "recorder/targets/target_finder.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxFileSize = 1 << 20;

constexpr std::array kDetails = {std::pair{"all", SyscallDetail::kAll}, std::pair{"summary", SyscallDetail::kSummary},
                                 std::pair{"off", SyscallDetail::kOff}};
constexpr std::array kBackends = {std::pair{"auto", BackendChoice::kAuto}, std::pair{"bpf", BackendChoice::kBpf}, std::pair{"perf", BackendChoice::kPerf},
                                  std::pair{"proc", BackendChoice::kProc}};
constexpr std::array kExits = {std::pair{"never", OnExit::kNever}, std::pair{"failure", OnExit::kFailure},
                               std::pair{"always", OnExit::kAlways}};

std::string default_target_name(const TargetConfig& target) {
  if (!target.comm.empty()) return target.comm;
  if (!target.unit.empty()) return target.unit.substr(0, target.unit.rfind('.'));
  if (!target.cgroup.empty()) return target.cgroup.substr(target.cgroup.rfind('/') + 1);
  if (!target.container.empty()) return target.container.substr(0, kContainerPrefix);
  if (target.all) return "all";
  return target.exe.substr(target.exe.rfind('/') + 1);
}

std::vector<std::int32_t> read_pids(Section& match) {
  const toml::node* node = match.get("pid");
  std::vector<std::int32_t> pids;
  if (!node) return pids;
  const auto add = [&](const toml::node& element) {
    const toml::value<std::int64_t>* number = element.as_integer();
    if (!number || number->get() < 1 || number->get() > INT32_MAX) {
      match.source().refuse(element.source(), "'pid' must be a process id", "write pid = 123, or a list of them");
    }
    pids.push_back(static_cast<std::int32_t>(number->get()));
  };
  if (!node->is_array()) {
    add(*node);
  } else {
    for (const toml::node& element : *node->as_array()) add(element);
  }
  return pids;
}

TargetConfig read_target(Section& section) {
  TargetConfig target;
  section.table("match", [&](Section& match) {
    target.pids = read_pids(match);
    match.string("comm", target.comm);
    match.string("exe", target.exe);
    match.string("unit", target.unit);
    match.string("cgroup", target.cgroup);
    match.string("container", target.container);
    match.boolean("all", target.all);
    if (match.get("container") && !is_container_id(target.container))
      match.refuse("container", "'container' must be the container's id, 12 of its figures or more", "`docker ps` and `crictl ps` show it");
    if (!target.unit.empty()) target.unit = full_unit_name(target.unit);
    if (!target.cgroup.empty() && !target.cgroup.starts_with('/')) match.refuse("cgroup", "'cgroup' must be the path that /proc/PID/cgroup shows", "cgroup = \"/system.slice/x.service\"");
    if (target.comm.size() > 15) {
      match.refuse("comm", "the kernel keeps 15 bytes of a comm",
                   fmt::format("write comm = \"{}\"", printable(target.comm.substr(0, 15))));
    }
    if (!target.exe.empty() && !target.exe.starts_with('/')) match.refuse("exe", "'exe' must be an absolute path");
  });
  if (section.get("match") && target.pids.empty() && !is_described(target)) {
    section.refuse("match", "'match' says nothing", "match = { comm = \"...\" }, or pid, exe, unit, cgroup, container, all");
  }
  section.boolean("heap", target.heap);
  target.name = default_target_name(target);
  section.name("name", target.name);
  if (!valid_name(target.name))
    section.refuse("match", "this target needs a 'name'", "names are 1 to 32 of A-Z a-z 0-9 . _ -");
  return target;
}

RuleConfig read_rule(Section& section) {
  RuleConfig rule;
  section.required("name");
  section.name("name", rule.name);
  section.required("when");
  section.condition("when", rule.when, rule.where);
  section.duration("for", rule.hold, 0s, 24h, "1s");
  rule.hold_where = section.source().place_inside(section.region_of("for"));
  section.duration("cooldown", rule.cooldown, 0s, 24h * 366, "5m");
  section.condition("clear", rule.clear, rule.clear_where);
  section.condition("armed_when", rule.armed_when, rule.armed_where);
  unsigned most = 1;
  section.integer("max_per_day", most, 1, 10'000);
  if (section.get("max_per_day")) rule.max_per_day = most;
  Duration after{};
  section.duration("after", after, 0s, Config::kMostAfter, "5s");
  if (section.get("after")) rule.after = after;
  return rule;
}

void read_top(Section& top, Config& config) {
  double max_cpu = 0;
  top.percent("max_cpu", max_cpu, Config::kLeastCpuPercent, Config::kMostCpuPercent, "1%");
  if (top.get("max_cpu")) config.max_cpu = max_cpu;
  top.name("name", config.name);
  top.boolean("wait", config.wait);
  top.boolean("host_tier", config.host_tier);
  top.one_of("backend", config.backend, kBackends);
  top.boolean("allow_ptrace", config.allow_ptrace);
  bool default_rules = true;
  top.boolean("default_rules", default_rules);
  if (top.get("default_rules")) config.default_rules = default_rules;
  OnExit on_exit{};
  if (top.one_of("on_exit", on_exit, kExits)) config.on_exit = on_exit;
  top.table("window", [&](Section& window) {
    window.duration("span", config.span, Config::kLeastSpan, Config::kMostSpan, "60s");
    window.duration("after", config.after, 0s, Config::kMostAfter, "5s");
    window.size("memory", config.memory, 4 << 20, "64MB");
  });
  top.table("sample", [&](Section& sample) {
    sample.integer("frequency", config.frequency, 1, Config::kMostFrequency);
    sample.duration("off_cpu", config.off_cpu, 1us, 1min, "1ms");
  });
  top.table("syscalls", [&](Section& syscalls) {
    syscalls.one_of("detail", config.detail, kDetails);
    syscalls.duration("slow", config.slow, 1us, 1h, "10ms");
  });
  top.table("metrics", [&](Section& metrics) { metrics.duration("every", config.every, 10ms, 10s, "100ms"); });
  top.table("bundle", [&](Section& bundle) {
    bundle.string("directory", config.directory);
    if (!config.directory.starts_with('/')) bundle.refuse("directory", "'directory' must be an absolute path");
    bundle.integer("keep", config.keep, 1, 100'000);
    bundle.size("max_bytes", config.max_bytes, 1 << 20, "2GB");
    bundle.percent("keep_free", config.keep_free_percent, 0, 95, "5%");
  });
  top.table("slices", [&](Section& slices) {
    bool enabled = false;
    slices.boolean("enabled", enabled);
    if (slices.get("enabled")) config.slices.enabled = enabled;
  });
  top.table("history", [&](Section& history) {
    history.boolean("enabled", config.history.enabled);
    history.absolute_path("directory", config.history.directory);
    history.size("max_bytes", config.history.max_bytes, 1 << 20, "16MB");
    if (config.history.max_bytes > 1u << 30) history.refuse("max_bytes", "'max_bytes' must be at most 1GB", "16MB hold a day of seconds and a month of minutes");
  });
  top.table("baseline", [&](Section& baseline) {
    baseline.boolean("enabled", config.baseline.enabled);
    baseline.duration("every", config.baseline.every, 10s, 24h, "1h");
    baseline.duration("span", config.baseline.span, 2s, 1min, "20s");
  });
  top.tables("target", [&](Section& section) { config.targets.push_back(read_target(section)); });
  top.tables("trigger", [&](Section& section) { config.rules.push_back(read_rule(section)); });
  top.tables("heartbeat", [&](Section& section) { config.heartbeats.push_back(read_heartbeat(section)); });
  top.tables("collect", [&](Section& section) { config.collectors.push_back(read_collector(section)); });
  top.tables("log", [&](Section& section) { config.logs.push_back(read_log(section)); });
  top.tables("metric", [&](Section& section) { config.metrics.push_back(read_user_metric(section)); });
  top.tables("notify", [&](Section& section) { config.notifiers.push_back(read_notify(section)); });
}

}  // namespace

Config parse_config(std::string_view text, const std::string& source_name) {
  const Source source(text, source_name);
  toml::table table;
  try {
    table = toml::parse(text, source_name);
  } catch (const toml::parse_error& error) {
    source.refuse(error.source(), printable(error.description()));
  } catch (const TomlAssertion&) {
    throw Error(source_name + ": a table header is malformed", "write [window] or [[trigger]], alone on its line");
  }
  Config config;
  Section top(source, table, "");
  read_top(top, config);
  top.done();
  check_config(with_implied_targets(config));
  return config;
}

Config load_config(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  struct stat status {};
  if (!file) throw system_error("open " + path, errno);
  if (::fstat(fileno(file.get()), &status) == 0 && S_ISDIR(status.st_mode)) throw Error(path + " is a directory");
  std::string text(kMaxFileSize + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get())) throw system_error("read " + path, errno);
  if (text.size() > kMaxFileSize) throw Error(path + " is larger than 1 MB", "is it a configuration?");
  return parse_config(text, path);
}

RuleConfig rule_from_flag(const std::string& text, std::size_t ordinal) {
  RuleConfig rule;
  rule.name = "when-" + std::to_string(ordinal);
  rule.where = "--when";
  rule.when = text;
  // The last word but one, if it is "for": no metric and no number is called so.
  const std::string_view spaces = " \t\n\r";
  const std::size_t end = text.find_last_not_of(spaces);
  const std::size_t before = end == std::string::npos ? end : text.find_last_of(spaces, end);
  const std::size_t word_end = before == std::string::npos ? before : text.find_last_not_of(spaces, before);
  if (word_end == std::string::npos || word_end < 3) return rule;
  if (text.compare(word_end - 2, 3, "for") != 0 || spaces.find(text[word_end - 3]) == std::string_view::npos)
    return rule;
  const std::string duration = text.substr(before + 1, end - before);
  const auto hold = parse_duration(duration);
  if (!hold) {
    throw Error(fmt::format("--when: column {}: {} is not a duration", before + 2, in_quotes(duration)),
                "for example: for 3s");
  }
  rule.hold = *hold;
  rule.when = text.substr(0, text.find_last_not_of(spaces, word_end - 3) + 1);
  return rule;
}

std::vector<RuleConfig> all_rules(const Config& config) {
  std::vector<RuleConfig> rules = config.rules;
  for (const HeartbeatConfig& beat : config.heartbeats) rules.push_back(heartbeat_rule(beat));
  if (!default_rules_apply(config)) return rules;
  const bool exit_is_kept = config.on_exit.value_or(OnExit::kNever) != OnExit::kNever;
  // What all processes of a host do together goes up and down with each build and each backup: no news by itself.
  const bool of_all = std::any_of(config.targets.begin(), config.targets.end(), [](const TargetConfig& target) { return target.all; });
  for (const RuleConfig& rule : default_rules()) {
    if (of_all && rule.when.find("process.") != std::string::npos) continue;
    const bool taken = std::any_of(rules.begin(), rules.end(), [&](const RuleConfig& other) { return other.name == rule.name; });
    if (!taken && !(exit_is_kept && rule.name == kCrashRule)) rules.push_back(rule);
  }
  return rules;
}

bool default_rules_apply(const Config& config) { return config.default_rules.value_or(config.rules.empty() && config.heartbeats.empty()); }

std::vector<RuleConfig> parse_rules(std::string_view text, const std::string& source_name) {
  const Source source(text, source_name);
  const toml::table table = toml::parse(text, source_name);
  std::vector<RuleConfig> rules;
  Section top(source, table, "");
  top.tables("trigger", [&](Section& section) { rules.push_back(read_rule(section)); });
  top.done();
  return rules;
}

Config with_implied_targets(Config config) {
  if (!config.targets.empty()) return config;
  std::set<std::string> names;
  for (const RuleConfig& rule : config.rules) {
    static constexpr std::string_view open = "process[";
    const std::string text = rule.when + " " + rule.clear + " " + rule.armed_when;
    for (std::size_t at = text.find(open); at != std::string::npos; at = text.find(open, at + 1)) {
      const std::size_t begin = at + open.size(), end = text.find(']', begin);
      if (end == std::string::npos) break;
      const std::string name = text.substr(begin, end - begin);
      if (valid_name(name)) names.insert(name);
    }
  }
  for (const std::string& name : names) config.targets.push_back({name, {}, {}, {}});
  return config;
}

}  // namespace fdr

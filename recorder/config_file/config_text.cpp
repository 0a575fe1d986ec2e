// config_toml(): the configuration in force, written as the file that would give it (parse_config reads it back to the same).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

#include "recorder/config_file/config_file.hpp"
#include "triggers/quantity.hpp"

namespace fdr {
namespace {

// A TOML basic string.
std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

const char* detail_name(SyscallDetail detail) {
  return detail == SyscallDetail::kAll ? "all" : detail == SyscallDetail::kSummary ? "summary" : "off";
}

const char* on_exit_name(OnExit on_exit) {
  return on_exit == OnExit::kAlways ? "always" : on_exit == OnExit::kFailure ? "failure" : "never";
}

std::string match_toml(const TargetConfig& target) {
  std::vector<std::string> parts;
  if (!target.pids.empty()) parts.push_back(fmt::format("pid = [{}]", fmt::join(target.pids, ", ")));
  if (!target.comm.empty()) parts.push_back("comm = " + toml_string(target.comm));
  if (!target.exe.empty()) parts.push_back("exe = " + toml_string(target.exe));
  if (!target.unit.empty()) parts.push_back("unit = " + toml_string(target.unit));
  if (!target.cgroup.empty()) parts.push_back("cgroup = " + toml_string(target.cgroup));
  if (!target.container.empty()) parts.push_back("container = " + toml_string(target.container));
  if (target.all) parts.push_back("all = true");
  return parts.empty() ? "" : fmt::format("match = {{ {} }}\n", fmt::join(parts, ", "));
}

std::string list_toml(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + toml_string(word);
  return "[" + list + "]";
}

std::string heartbeat_toml(const HeartbeatConfig& beat) {
  std::string out = fmt::format("\n[[heartbeat]]\nname = {}\n", toml_string(beat.name));
  const std::string timeout = fmt::format("timeout = \"{}\"\n", duration_literal(beat.timeout));
  const std::string address = fmt::format("host = {}\nport = {}\n", toml_string(beat.host), beat.port);
  switch (beat.from) {
    case BeatSource::kNotify:
      out += "from = \"notify\"\n";
      break;
    case BeatSource::kBeat:
      out += "from = \"beat\"\n";
      break;
    case BeatSource::kHttp:
      out += "from = \"http\"\nurl = " + toml_string(beat.url) + "\n" + timeout;
      break;
    case BeatSource::kTcp:
      out += "from = \"tcp\"\n" + address + timeout;
      break;
    case BeatSource::kMtime:
      out += "from = \"mtime\"\npath = " + toml_string(beat.path) + "\n";
      break;
    case BeatSource::kCommand:
      out += "from = \"command\"\ncommand = " + list_toml(beat.command) + "\n" + timeout;
      break;
    case BeatSource::kUdp:
      out += "from = \"udp\"\n" + address;
      break;
    case BeatSource::kSend:
      out += "from = \"send\"\n";
      if (!beat.comm.empty()) out += "comm = " + toml_string(beat.comm) + "\n";
      if (beat.port) out += fmt::format("port = {}\n", beat.port);
      if (beat.by_peer) out += "by = \"peer\"\n";
      break;
  }
  return out + fmt::format("every = \"{}\"\nmisses = {}\n", duration_literal(beat.every), beat.misses);
}

std::string collector_toml(const CollectorConfig& collector) {
  std::vector<std::string> at;
  if (collector.armed) at.push_back("armed");
  if (collector.hourly) at.push_back("hourly");
  if (collector.fired) at.push_back("fired");
  const std::string what = collector.file.empty() ? "command = " + list_toml(collector.command) : "file = " + toml_string(collector.file);
  return fmt::format("\n[[collect]]\nname = {}\n{}\nat = {}\ntimeout = \"{}\"\nmax_bytes = \"{}\"\n", toml_string(collector.name), what,
                     list_toml(at), duration_literal(collector.timeout), size_literal(collector.max_bytes));
}

std::string log_toml(const LogConfig& log) {
  const std::string from = log.from == LogSource::kFile ? "file = " + toml_string(log.file) : log.from == LogSource::kJournal ? "unit = " + toml_string(log.unit) : "from = \"kmsg\"";
  return fmt::format("\n[[log]]\nname = {}\n{}\n{}", toml_string(log.name), from, log.pattern.empty() ? "" : "pattern = " + toml_string(log.pattern) + "\n");
}

const char* unit_word(Unit unit) {
  return unit == Unit::kBytes ? "bytes" : unit == Unit::kSeconds ? "seconds" : unit == Unit::kPercent ? "percent" : "count";
}

std::string metric_toml(const UserMetricConfig& metric) {
  std::string out = fmt::format("\n[[metric]]\nname = {}\n", toml_string(metric.name));
  const auto line = [&](const char* key, const std::string& value) {
    if (!value.empty()) out += fmt::format("{} = {}\n", key, toml_string(value));
  };
  if (!metric.command.empty()) out += "command = " + list_toml(metric.command) + "\n";
  line("url", metric.url);
  line("file", metric.file);
  line("log", metric.log);
  line("series", metric.series);
  line("pattern", metric.pattern);
  if (metric.log.empty()) line("every", duration_literal(metric.every));
  if (!metric.command.empty() || !metric.url.empty()) line("timeout", duration_literal(metric.timeout));
  line("kind", metric.kind == MetricKind::kCounter ? "counter" : "gauge");
  line("unit", unit_word(metric.unit));
  return out;
}

std::string notify_toml(const NotifyConfig& notify) {
  return fmt::format("\n[[notify]]\nname = {}\ncommand = {}\ntimeout = \"{}\"\n", toml_string(notify.name), list_toml(notify.command), duration_literal(notify.timeout));
}

}  // namespace

std::string config_toml(const Config& config) {
  std::string out;
  if (config.backend != BackendChoice::kAuto) out += fmt::format("backend = \"{}\"\n", backend_word(config.backend));
  if (config.allow_ptrace) out += "allow_ptrace = true\n";
  if (!config.host_tier) out += "host_tier = false\n";
  if (config.max_cpu) out += fmt::format("max_cpu = \"{}%\"\n", *config.max_cpu);
  if (!config.name.empty()) out += "name = " + toml_string(config.name) + "\n";
  if (config.default_rules) out += fmt::format("default_rules = {}\n", *config.default_rules);
  if (config.wait) out += "wait = true\n\n";
  if (config.on_exit) out += fmt::format("on_exit = \"{}\"\n\n", on_exit_name(*config.on_exit));
  out += fmt::format("[window]\nspan = \"{}\"\nafter = \"{}\"\n", duration_literal(config.span),
                     duration_literal(config.after));
  out += config.memory ? fmt::format("memory = \"{}\"\n\n", size_literal(*config.memory))
                       : "# memory: the larger of 64MB and 8MB for each CPU\n\n";
  out +=
      fmt::format("[sample]\nfrequency = {}\noff_cpu = \"{}\"\n\n", config.frequency, duration_literal(config.off_cpu));
  out += fmt::format("[syscalls]\ndetail = \"{}\"\nslow = \"{}\"\n\n", detail_name(config.detail),
                     duration_literal(config.slow));
  out += fmt::format("[metrics]\nevery = \"{}\"\n\n", duration_literal(config.every));
  out +=
      fmt::format("[bundle]\ndirectory = {}\nkeep = {}\nmax_bytes = \"{}\"\nkeep_free = \"{}%\"\n",
                  toml_string(config.directory), config.keep, size_literal(config.max_bytes), config.keep_free_percent);
  if (config.slices.enabled) out += fmt::format("\n[slices]\nenabled = {}\n", *config.slices.enabled);
  out += fmt::format("\n[history]\nenabled = {}\n", config.history.enabled);
  if (!config.history.directory.empty()) out += "directory = " + toml_string(config.history.directory) + "\n";
  out += fmt::format("max_bytes = \"{}\"\n", size_literal(config.history.max_bytes));
  out += fmt::format("\n[baseline]\nenabled = {}\nevery = \"{}\"\nspan = \"{}\"\n", config.baseline.enabled, duration_literal(config.baseline.every), duration_literal(config.baseline.span));
  for (const TargetConfig& target : config.targets) {
    out += "\n[[target]]\n";
    if (!target.name.empty()) out += "name = " + toml_string(target.name) + "\n";
    out += match_toml(target);
    if (target.heap) out += "heap = true\n";
  }
  for (const RuleConfig& rule : config.rules) {
    out += fmt::format("\n[[trigger]]\nname = {}\nwhen = {}\nfor = \"{}\"\ncooldown = \"{}\"\n", toml_string(rule.name),
                       toml_string(rule.when), duration_literal(rule.hold), duration_literal(rule.cooldown));
    if (!rule.clear.empty()) out += "clear = " + toml_string(rule.clear) + "\n";
    if (!rule.armed_when.empty()) out += "armed_when = " + toml_string(rule.armed_when) + "\n";
    if (rule.max_per_day) out += fmt::format("max_per_day = {}\n", *rule.max_per_day);
    if (rule.after) out += fmt::format("after = \"{}\"\n", duration_literal(*rule.after));
  }
  for (const HeartbeatConfig& beat : config.heartbeats) out += heartbeat_toml(beat);
  for (const CollectorConfig& collector : config.collectors) out += collector_toml(collector);
  for (const LogConfig& log : config.logs) out += log_toml(log);
  for (const UserMetricConfig& metric : config.metrics) out += metric_toml(metric);
  for (const NotifyConfig& notify : config.notifiers) out += notify_toml(notify);
  return out;
}

}  // namespace fdr

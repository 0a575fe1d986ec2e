// fdr check CONFIG: is this configuration right, and what does it mean? Each rule in one plain sentence, then every
// setting in force. `--defaults`: the rules that apply where there are none. Needs no live host and no privileges. Exit code 0, or 2 where the configuration is wrong.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "formats/figures/module_notes.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/config/config.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/config_file/default_rules.hpp"
#include "recorder/logs/line_source.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/system/trust.hpp"

namespace fdr {
namespace {

constexpr int kBadConfiguration = 2;

std::string target_sentence(const TargetConfig& target) {
  std::string how;
  const auto add = [&](const std::string& part) { how += (how.empty() ? "" : " and ") + part; };
  if (!target.pids.empty()) add(fmt::format("process {}", fmt::join(target.pids, ", ")));
  if (!target.comm.empty()) add("every process named " + target.comm);
  if (!target.exe.empty()) add("every process of " + target.exe);
  if (!target.unit.empty()) add("every process of the unit " + target.unit);
  if (!target.cgroup.empty()) add("every process in the cgroup " + target.cgroup + " or below");
  if (!target.container.empty()) add("every process of the container " + target.container);
  if (target.all) add("every process of the host");
  if (how.empty()) return "chosen on the command line";
  return how + ", with its children";
}

std::string words_of(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) text += (text.empty() ? "`" : " ") + word;
  return text + "`";
}

std::string beat_source(const HeartbeatConfig& beat) {
  const std::string each = duration_literal(beat.every), within = duration_literal(beat.timeout);
  switch (beat.from) {
    case BeatSource::kBeat:
      return fmt::format("beats each {} by `fdr beat {}`", each, beat.name);
    case BeatSource::kHttp:
      return fmt::format("beats when {} is answered within {} with a status of 200 to 399, asked each {}", beat.url, within, each);
    case BeatSource::kTcp:
      return fmt::format("beats when port {} of {} accepts a connection within {} (the kernel does, while there is room in the program's backlog), "
                         "tried each {}", beat.port, beat.host, within, each);
    case BeatSource::kMtime:
      return fmt::format("beats when {} is written, expected each {}", beat.path, each);
    case BeatSource::kCommand:
      return fmt::format("beats when {} ends with 0 within {}, run each {}", words_of(beat.command), within, each);
    case BeatSource::kUdp:
      return fmt::format("beats when a datagram comes to port {} of {}, expected each {}", beat.port, beat.host, each);
    case BeatSource::kNotify:
      return fmt::format("beats when the command that is wrapped (`fdr run`) tells systemd's watchdog WATCHDOG=1, expected each {}", each);
    case BeatSource::kSend:
      return fmt::format("beats when {} sends to {}{}, expected each {}", beat.comm.empty() ? "a target" : "target " + beat.comm,
                         beat.port ? fmt::format("port {}", beat.port) : "anybody", beat.by_peer ? ", each peer by itself" : "", each);
  }
  return {};
}

std::string heartbeat_sentence(const HeartbeatConfig& beat) {
  return fmt::format("{}; {} in a row may be missed", beat_source(beat), beat.misses);
}

std::string collector_sentence(const CollectorConfig& collector) {
  std::string when;
  const auto add = [&](bool wanted, const char* text) {
    if (wanted) when += (when.empty() ? "" : ", ") + std::string(text);
  };
  add(collector.armed, "when armed");
  add(collector.hourly, "each hour");
  add(collector.fired, "at a firing");
  const std::string what = collector.file.empty() ? "runs " + words_of(collector.command) : "reads " + collector.file;
  return fmt::format("{} {}; for {} at most, of what it gives at most {}", what, when, duration_literal(collector.timeout),
                     size_literal(collector.max_bytes));
}

std::string metric_sentence(const UserMetricConfig& metric) {
  const std::string where = !metric.log.empty()    ? "lines of the log " + metric.log
                            : !metric.url.empty()  ? metric.url
                            : !metric.file.empty() ? metric.file
                                                   : "what " + words_of(metric.command) + " says";
  const std::string what = !metric.series.empty() ? "the series " + metric.series + " (their sum, where several match)"
                           : metric.pattern.empty() ? "the first number"
                                                    : "the number in " + metric.pattern;
  return fmt::format("{} of {}{}", what, where, metric.log.empty() ? ", each " + duration_literal(metric.every) : ", the last there was");
}

void print_rules(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue) {
  for (const RuleStatus& rule : Engine(rules, catalogue).status()) fmt::print("  {}: {}\n", printable(rule.name), printable(rule.sentence));
}

void print_defaults() {
  fmt::print("the default rules: they apply where there is no other rule and no heartbeat, or with default_rules = true\n"
             "(`--no-default-rules`, default_rules = false: never; a rule of yours takes the place of the one of its name)\n\n");
  print_rules(default_rules(), build_catalogue({}));
  fmt::print("\nas a configuration\n\n{}", default_rules_toml());
}

void print_check(const Config& written, const std::string& path) {
  const Config config = with_implied_targets(written);
  const MetricCatalogue catalogue = build_catalogue(config);
  const std::vector<RuleConfig> rules = all_rules(config);
  const auto line = [](const std::string& name, const std::string& sentence) {
    fmt::print("  {}: {}\n", printable(name), printable(sentence));
  };
  fmt::print("{}: ok\n", printable(path));
  if (!config.targets.empty()) fmt::print("\ntargets\n");
  for (const TargetConfig& target : config.targets) {
    line(target.name, target_sentence(target));
    const std::string program = target.comm.empty() ? target.exe.substr(target.exe.rfind('/') + 1) : target.comm;
    if (const char* remedy = runtime_remedy(program)) line(target.name, remedy);
  }
  if (!config.heartbeats.empty()) fmt::print("\nheartbeats\n");
  for (const HeartbeatConfig& beat : config.heartbeats) line(beat.name, heartbeat_sentence(beat));
  if (!config.collectors.empty()) fmt::print("\ncollectors\n");
  for (const CollectorConfig& collector : config.collectors) line(collector.name, collector_sentence(collector));
  if (!config.logs.empty()) fmt::print("\nlogs\n");
  for (const LogConfig& log : config.logs)
    line(log.name, log_place(log) + (log.pattern.empty() ? "; log." + log.name + " counts its lines" : "; log." + log.name + " counts lines that match " + log.pattern));
  if (!config.metrics.empty()) fmt::print("\nmetrics\n");
  for (const UserMetricConfig& metric : config.metrics) line(metric.name, metric_sentence(metric));
  if (!config.notifiers.empty()) fmt::print("\ntold of each bundle\n");
  for (const NotifyConfig& notify : config.notifiers)
    line(notify.name, fmt::format("runs {} with the first screen as its input; for {} at most", words_of(notify.command), duration_literal(notify.timeout)));
  fmt::print("\nrules{}\n", default_rules_apply(config) ? ", the default ones among them (default_rules = false turns these off)" : "");
  print_rules(rules, catalogue);
  if (rules.empty()) fmt::print("  none: nothing will fire\n");
  fmt::print("\neffective configuration\n\n{}", printable_lines(config_toml(written)));
}

}  // namespace

void add_check(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("check", "validate a configuration and say what it means");
  auto path = std::make_shared<std::string>();
  auto defaults = std::make_shared<bool>(false);
  command->add_option("CONFIG", *path, "the file");
  command->add_flag("--defaults", *defaults, "the rules that apply where there are none");
  command->callback([path, defaults, &exit_code] {
    if (*defaults) return print_defaults();
    if (path->empty()) throw CLI::RequiredError("CONFIG");
    try {
      const Config config = load_config(*path);
      require_trusted(config, *path);
      print_check(config, *path);
    } catch (const Error& error) {
      fmt::print(stderr, "fdr: error: {}\n", printable(error.what()));
      if (!error.hint().empty()) fmt::print(stderr, "fdr: hint: {}\n", printable(error.hint()));
      exit_code = kBadConfiguration;
    }
  });
}

}  // namespace fdr

// fdr check CONFIG: is this configuration right, and what does it mean? Each rule in one plain sentence, then every
// setting in force. Needs no live host and no privileges. Exit code 0, or 2 where the configuration is wrong.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "formats/report/module_notes.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/config.hpp"
#include "recorder/metrics/catalogue.hpp"

namespace fdr {
namespace {

constexpr int kBadConfiguration = 2;

std::string target_sentence(const TargetConfig& target) {
  std::string how;
  const auto add = [&](const std::string& part) { how += (how.empty() ? "" : " and ") + part; };
  if (!target.pids.empty()) add(fmt::format("process {}", fmt::join(target.pids, ", ")));
  if (!target.comm.empty()) add("every process named " + target.comm);
  if (!target.exe.empty()) add("every process of " + target.exe);
  if (how.empty()) return "chosen on the command line";
  return how + ", with its children";
}

std::string heartbeat_sentence(const HeartbeatConfig& beat) {
  return fmt::format("beats each {} by `fdr beat {}`; {} in a row may be missed", duration_literal(beat.every),
                     beat.name, beat.misses);
}

void print_check(const Config& written, const std::string& path) {
  const Config config = with_implied_targets(written);
  const MetricCatalogue catalogue = build_catalogue(config);
  const Engine engine(all_rules(config), catalogue);
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
  fmt::print("\nrules\n");
  for (const RuleStatus& rule : engine.status()) line(rule.name, rule.sentence);
  if (engine.status().empty()) fmt::print("  none: nothing will fire\n");
  fmt::print("\neffective configuration\n\n{}", printable_lines(config_toml(written)));
}

}  // namespace

void add_check(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("check", "validate a configuration and say what it means");
  auto path = std::make_shared<std::string>();
  command->add_option("CONFIG", *path, "the file")->required();
  command->callback([path, &exit_code] {
    try {
      print_check(load_config(*path), *path);
    } catch (const Error& error) {
      fmt::print(stderr, "fdr: error: {}\n", printable(error.what()));
      if (!error.hint().empty()) fmt::print(stderr, "fdr: hint: {}\n", printable(error.hint()));
      exit_code = kBadConfiguration;
    }
  });
}

}  // namespace fdr

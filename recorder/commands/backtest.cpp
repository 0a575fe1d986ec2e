// fdr backtest CONFIG BUNDLE|HISTORY: when would the rules of a configuration have fired on what a bundle or the long history
// recorded, and how near did they come? Needs no live host and no privileges.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/bundle_reader.hpp"
#include "formats/history_image.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/config/config.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/history/kept_metrics.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/system/small_file.hpp"
#include "triggers/backtest_history.hpp"
#include "triggers/metric_past.hpp"

namespace fdr {
namespace {

constexpr double kEnoughForADay_s = 3600;  // less says nothing about a day

using nlohmann::json;

json known(double value) { return std::isnan(value) ? json(nullptr) : json(value); }

std::string as_json(const Backtest& result, const ClockAnchor& clock) {
  json rules = json::array(), fired = json::array(), ended = json::array();
  for (std::size_t i = 0; i < result.rules.size(); ++i) {
    const RuleStatus& rule = result.rules[i];
    rules.push_back({{"name", rule.name}, {"when", rule.when}, {"fired", rule.fired}, {"suppressed", rule.suppressed}, {"nearest", known(rule.extreme)},
                     {"nearest_text", rule.extreme_text}, {"not_recorded", result.missing[i]}});
  }
  for (const Firing& firing : result.fired)
    fired.push_back({{"rule", firing.rule}, {"time", utc_text(clock.realtime_of(firing.time))}, {"monotonic_ns", to_ns(firing.time)},
                     {"value", known(firing.value)}, {"text", firing.evidence}});
  for (const EpisodeEnd& end : result.ended)
    ended.push_back({{"rule", end.rule}, {"time", utc_text(clock.realtime_of(end.time))}, {"monotonic_ns", to_ns(end.time)}, {"text", end.evidence}});
  const json all = {{"seconds", to_seconds(result.end - result.begin)}, {"ticks", result.ticks}, {"rules", rules}, {"fired", fired}, {"ended", ended}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string rule_text(const Backtest& result, std::size_t number, const ClockAnchor& clock) {
  const RuleStatus& rule = result.rules[number];
  std::string text = printable(rule.name) + ": ";
  if (rule.fired) {
    text += fmt::format("fires {}", rule.fired == 1 ? "once" : fmt::format("{} times", rule.fired));
  } else if (std::isnan(rule.extreme)) {
    text += "is never known, and does not fire";
  } else {
    text += "does not fire; it came nearest at " + rule.extreme_text;
  }
  if (rule.suppressed) text += fmt::format(", is kept back {} times", rule.suppressed);
  if (!result.missing[number].empty()) text += fmt::format("; not recorded: {}", fmt::join(result.missing[number], ", "));
  text += "\n";
  for (const Firing& firing : result.fired)
    if (firing.rule == rule.name) text += fmt::format("  {}  {}\n", utc_text(clock.realtime_of(firing.time)), printable(firing.evidence));
  for (const EpisodeEnd& end : result.ended)
    if (end.rule == rule.name) text += fmt::format("  {}  {}\n", utc_text(clock.realtime_of(end.time)), printable(end.evidence));
  return text;
}

std::string as_text(const Backtest& result, const ClockAnchor& clock, const std::string& what) {
  const double seconds = to_seconds(result.end - result.begin);
  std::string text = fmt::format("{:.1f} s of metrics, {} {}\n", seconds, result.ticks, what);
  for (std::size_t i = 0; i < result.rules.size(); ++i) text += rule_text(result, i, clock);
  if (result.rules.empty()) return text + "no rules: nothing fires\n";
  text += fmt::format("{} firings", result.fired.size());
  text += seconds >= kEnoughForADay_s ? fmt::format(": {:.1f} bundles a day\n", static_cast<double>(result.fired.size()) * 86400 / seconds)
                                      : "; too short to say how many a day that makes\n";
  return text;
}

struct Played {
  Backtest result;
  ClockAnchor clock;
  std::string ticks;  // what they are
  std::vector<std::string> problems;
};

std::span<const std::uint8_t> bytes_of(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

Played play_history(const Config& config, const std::string& path) {
  constexpr std::size_t kMostBytes = 1u << 30;
  const auto text = read_small_file(path, kMostBytes);
  if (!text) throw Error("cannot read " + printable(path));
  const History history = read_history(bytes_of(*text));
  const MetricCatalogue catalogue = build_catalogue(config);
  return {backtest_history(all_rules(config), catalogue, history, config.span), {},
          "seconds; a rule without `for` is judged by a second's extremes, others by its mean; what is shorter, and exits, are not in a history", history.problems};
}

Played play_bundle(const Config& config, const std::string& path) {
  const Bundle bundle = read_bundle(path);
  const MetricCatalogue catalogue = build_catalogue(config);
  MetricPast past(catalogue, kept_metrics(config, catalogue), longest_lookback(config, catalogue), config.span);
  Played played{.result = {}, .clock = bundle.manifest.clock, .ticks = "ticks", .problems = {}};
  if (bundle.manifest.files.contains("history.fdrh")) {
    try {
      const std::string text = read_bundle_text(bundle.path, "history.fdrh").value_or("");
      const History history = read_history(bytes_of(text));
      past.load(history, played.clock, bundle.timeline.end + std::chrono::minutes(1));
      played.problems = history.problems;
    } catch (const Error& error) {
      played.problems.push_back(std::string("history.fdrh: ") + error.what());
    }
  }
  played.result = backtest(all_rules(config), catalogue, bundle.timeline.metrics, &past);
  return played;
}

}  // namespace

void add_backtest(CLI::App& app, int& exit_code) {
  struct Options {
    std::string config, bundle;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("backtest", R"(when would these rules have fired on what was recorded?

Examples:
  fdr backtest fdr.toml /var/lib/fdr/2026-03-01T12-41-23Z.web1.haproxy.system-cpu.fdr
  fdr backtest fdr.toml /var/lib/fdr/history/haproxy.fdrh      the last day, second by second
What a rule knew before the bundle's window began (a cooldown, a hold) is not known here.)");
  command->add_option("CONFIG", options->config, "the rules")->required();
  command->add_option("BUNDLE", options->bundle, "what was recorded: a bundle, or a history (*.fdrh)")->required();
  command->add_flag("--json", options->json, "an object: rules, fired, ended");
  command->callback([options, &exit_code] {
    const Config config = with_implied_targets(load_config(options->config));
    const Played played = std::filesystem::is_regular_file(options->bundle) ? play_history(config, options->bundle) : play_bundle(config, options->bundle);
    for (const std::string& problem : played.problems) fmt::print(stderr, "fdr: {}\n", printable(problem));
    print(options->json ? as_json(played.result, played.clock) : as_text(played.result, played.clock, played.ticks));
    exit_code = 0;
  });
}

}  // namespace fdr

// check_config(): what can only be said of a configuration as a whole, file and flags together.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/window/wire.h"
#include "triggers/metric_past.hpp"
#include "triggers/quantity.hpp"

namespace fdr {
namespace {

constexpr std::int64_t kMaxTicks = 100'000;  // of history: a row of doubles each

std::string in_quotes(std::string_view text) { return "'" + printable(text) + "'"; }

std::string place_prefix(const std::string& where) { return where.empty() ? "" : where + ": "; }

void check_unique(const Config& config) {
  std::set<std::string> targets, rules, collectors;
  for (const TargetConfig& target : config.targets) {
    if (!target.name.empty() && !targets.insert(target.name).second) {
      throw Error("two targets are named " + in_quotes(target.name), "give one of them another `name`");
    }
  }
  for (const CollectorConfig& collector : config.collectors) {
    if (!collectors.insert(collector.name).second)
      throw Error(place_prefix(collector.where) + "two collectors are named " + in_quotes(collector.name), "the bundle's files are named after them");
  }
  std::set<std::string> logs, notifiers;
  for (const LogConfig& log : config.logs)
    if (!logs.insert(log.name).second) throw Error("two logs are named " + in_quotes(log.name), "the bundle tells their lines apart by it");
  for (const NotifyConfig& notify : config.notifiers)
    if (!notifiers.insert(notify.name).second) throw Error("two [[notify]] are named " + in_quotes(notify.name), "give one of them another `name`");
  for (const RuleConfig& rule : all_rules(config)) {
    if (!rules.insert(rule.name).second) {
      throw Error(
          place_prefix(rule.where) + "the name " + in_quotes(rule.name) + " is used twice among triggers and heartbeats",
          "bundles and the ledger name what fired");
    }
  }
}

// A metric of the user's has a name that no other metric has, and the log that it speaks of.
void check_metrics(const Config& config) {
  Config others = config;
  others.metrics.clear();
  MetricCatalogue catalogue = build_catalogue(others);
  for (const UserMetricConfig& metric : config.metrics) {
    if (catalogue.find(metric.name)) throw Error(place_prefix(metric.where) + "there is a metric " + in_quotes(metric.name) + " already", "give it another `name`");
    catalogue.add({.name = metric.name});
    const bool known = std::any_of(config.logs.begin(), config.logs.end(), [&](const LogConfig& log) { return log.name == metric.log; });
    if (!metric.log.empty() && !known) throw Error(place_prefix(metric.where) + "there is no [[log]] named " + in_quotes(metric.log));
  }
}

void check_windows(const Config& config, const Engine& engine) {
  if (config.span / config.every > kMaxTicks) {
    throw Error(fmt::format("a window of {} with metrics each {} would keep more than {} ticks",
                            duration_literal(config.span), duration_literal(config.every), kMaxTicks),
                "metrics.every = \"100ms\"");
  }
  std::set<int> send_ports;
  for (const HeartbeatConfig& beat : config.heartbeats) {
    if (beat.from != BeatSource::kSend) continue;
    if (config.detail == SyscallDetail::kOff)
      throw Error(place_prefix(beat.where) + "sends are seen as system calls, and syscalls.detail is \"off\"", "detail = \"summary\"");
    if (send_ports.insert(beat.port).second && send_ports.size() > FDR_SEND_PORTS)
      throw Error(place_prefix(beat.where) + fmt::format("heartbeats from send may ask for {} ports at most", +FDR_SEND_PORTS),
                  "one without a port, with a `comm`, sees all that its program sends");
  }
  for (const HeartbeatConfig& beat : config.heartbeats) {
    // Connected, asked and answered are three looks, and one tick is a look.
    const bool asks = beat.from == BeatSource::kHttp || beat.from == BeatSource::kTcp;
    if (asks && beat.timeout < config.every * 3) {
      throw Error(place_prefix(beat.where) + fmt::format("a timeout of {} is less than three ticks of {}, the moments at which answers are looked for",
                                                         duration_literal(beat.timeout), duration_literal(config.every)),
                  "a longer timeout (and `every`), or a shorter metrics.every");
    }
    if (beat.every * beat.misses * 2 < config.span) continue;
    throw Error(place_prefix(beat.where) +
                    fmt::format("{} misses of {} are half of the window ({}) or more: what caused them would be gone",
                                beat.misses, duration_literal(beat.every), duration_literal(config.span)),
                "a longer window.span, or fewer misses");
  }
  for (const RuleConfig& rule : config.rules) {
    if (rule.hold * 2 >= config.span) {
      throw Error(place_prefix(rule.hold_where.empty() ? rule.where : rule.hold_where) +
                      fmt::format("`for` of {} is half of the window ({}) or more: what caused it would be gone",
                                  duration_literal(rule.hold), duration_literal(config.span)),
                  fmt::format("a longer window.span, or `for` below {}", duration_literal(config.span / 2)));
    }
    const Duration lookback = engine.longest_lookback(rule.name);
    if (lookback >= config.span && !config.history.enabled) {
      throw Error(place_prefix(rule.where) + fmt::format("this rule looks back {}, the window is {}, and the history is off",
                                                         duration_literal(lookback), duration_literal(config.span)),
                  "history = { enabled = true }, a longer window.span, or a shorter look-back");
    }
    if (lookback >= config.span && lookback > MetricPast::kLongest) {
      throw Error(place_prefix(rule.where) + fmt::format("this rule looks back {}, the history {}",
                                                         duration_literal(lookback), duration_literal(MetricPast::kLongest)), "a shorter look-back");
    }
  }
}

}  // namespace

void check_config(const Config& config) {
  check_unique(config);
  check_metrics(config);
  const MetricCatalogue catalogue = build_catalogue(config);
  const Engine engine(all_rules(config), catalogue);  // throws at the place of a bad condition
  check_windows(config, engine);
}

}  // namespace fdr

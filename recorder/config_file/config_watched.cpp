// [[log]], [[metric]] and [[notify]]: what is watched beside the targets, and who is told.
#include <algorithm>
#include <array>
#include <string_view>

#include "recorder/config_file/config_outside.hpp"
#include "recorder/config_file/config_section.hpp"
#include "recorder/logs/pattern.hpp"
#include "recorder/watched/prometheus.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostText = 1000;  // of a pattern or a series

constexpr std::array kKinds = {std::pair{"gauge", MetricKind::kGauge}, std::pair{"counter", MetricKind::kCounter}};
constexpr std::array kUnits = {std::pair{"count", Unit::kNone}, std::pair{"bytes", Unit::kBytes}, std::pair{"seconds", Unit::kSeconds},
                               std::pair{"percent", Unit::kPercent}};

void read_pattern(Section& section, std::string& pattern, bool number) {
  section.string("pattern", pattern);
  if (!section.get("pattern")) return;
  if (pattern.empty()) section.refuse("pattern", "'pattern' says nothing", "leave it out, and all lines count");
  if (pattern.size() > kMostText) section.refuse("pattern", fmt::format("'pattern' is longer than {} bytes", kMostText));
  try {
    const Pattern compiled(pattern);
    if (number && compiled.groups() != 1)
      section.refuse("pattern", fmt::format("'pattern' has {} groups; the one group in it is the number", compiled.groups()), "pattern = 'took ([0-9.]+) ms'; (?:...) groups without counting");
  } catch (const PatternError& error) {
    section.refuse_inside("pattern", error.offset, "in the pattern: " + printable(error.what), "RE2's syntax; in a TOML string of '...' a backslash stands for itself");
  }
}

// What systemd calls a unit.
bool is_unit(std::string_view unit) {
  if (unit.empty() || unit.size() > 255 || unit.front() == '-') return false;
  return std::all_of(unit.begin(), unit.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view(":-_.\\@").find(c) != std::string_view::npos;
  });
}

// Rules must be able to say it: a word of its own that is none of the language's.
bool is_plain_metric_name(std::string_view name) {
  static constexpr std::array<std::string_view, 9> words = {"and", "or", "not", "delta", "rate", "avg", "min", "max", "p99"};
  const char c = name.empty() ? '0' : name.front();
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return letter && !name.starts_with("SIG") && std::find(words.begin(), words.end(), name) == words.end();
}

void read_source(Section& section, UserMetricConfig& metric) {
  static constexpr std::array keys = {"command", "url", "file", "log"};
  section.required_one_of({"command", "url", "file", "log"});
  section.command("command", metric.command);
  read_http_url(section, "url", metric.url);
  section.absolute_path("file", metric.file);
  section.name("log", metric.log);
  const char* first = nullptr;
  for (const char* key : keys) {
    if (!section.get(key)) continue;
    if (first) section.refuse(key, fmt::format("a metric has a '{}' or a '{}', not both", first, key));
    first = key;
  }
}

}  // namespace

LogConfig read_log(Section& section) {
  LogConfig log;
  section.required("name");
  section.name("name", log.name);
  section.required_one_of({"file", "unit", "from"});
  section.absolute_path("file", log.file);
  section.string("unit", log.unit);
  if (section.get("unit") && !is_unit(log.unit)) section.refuse("unit", in_quotes(log.unit) + " is not a unit's name", "unit = \"nginx.service\"");
  std::string from;
  section.string("from", from);
  if (from == "stderr") {
    section.refuse("from", "the stderr of a wrapped command is not in this version: a pipe in its place would change what the command does",
                   "let it write to a file, and follow that: file = \"/path\"");
  }
  if (section.get("from") && from != "kmsg") section.refuse("from", "'from' cannot be " + in_quotes(from), "from = \"kmsg\" is the kernel's log; for others file = \"/path\" or unit = \"NAME.service\"");
  const char* first = nullptr;
  for (const char* key : {"file", "unit", "from"}) {
    if (!section.get(key)) continue;
    if (first) section.refuse(key, fmt::format("a log has a '{}' or a '{}', not both", first, key));
    first = key;
  }
  log.from = section.get("unit") ? LogSource::kJournal : section.get("from") ? LogSource::kKernel : LogSource::kFile;
  read_pattern(section, log.pattern, false);
  return log;
}

UserMetricConfig read_user_metric(Section& section) {
  UserMetricConfig metric;
  section.required("name");
  section.name("name", metric.name);
  if (section.get("name") && !is_plain_metric_name(metric.name))
    section.refuse("name", in_quotes(metric.name) + " cannot be used in a rule", "a name that begins with a letter and is no word of the rules");
  read_source(section, metric);
  section.string("series", metric.series);
  if (section.get("series") && !section.get("url")) section.refuse("series", "'series' belongs to metrics from a url");
  if (section.get("series") && section.get("pattern")) section.refuse("pattern", "a metric has a 'series' or a 'pattern', not both");
  if (section.get("series")) {
    if (metric.series.size() > kMostText) section.refuse("series", fmt::format("'series' is longer than {} bytes", kMostText));
    try {
      parse_series_selector(metric.series);
    } catch (const SeriesError& error) {
      section.refuse_inside("series", error.offset, "in the series: " + error.what, "series = 'http_requests_total{code=\"500\"}'");
    }
  }
  read_pattern(section, metric.pattern, true);
  const bool of_log = section.get("log") != nullptr;
  if (of_log) section.required("pattern");
  if (of_log && section.get("every")) section.refuse("every", "a metric of a log has a value when a line says one: 'every' does not belong here");
  section.duration("every", metric.every, 1s, 1h, "10s");
  const bool waits = section.get("command") || section.get("url");
  if (section.get("timeout") && !waits) section.refuse("timeout", "'timeout' belongs to metrics from a command or a url");
  metric.timeout = std::min<Duration>(metric.every, 5s);
  section.duration("timeout", metric.timeout, 10ms, 1min, "5s");
  section.one_of("kind", metric.kind, kKinds);
  section.one_of("unit", metric.unit, kUnits);
  metric.where = section.source().place(section.region());
  return metric;
}

NotifyConfig read_notify(Section& section) {
  NotifyConfig notify;
  section.name("name", notify.name);
  section.required("command");
  section.command("command", notify.command);
  section.duration("timeout", notify.timeout, 100ms, 5min, "10s");
  return notify;
}

}  // namespace fdr

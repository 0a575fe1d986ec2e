#include "recorder/watched/watched.hpp"

#include <cmath>

namespace fdr {

Watched::Watched(const Config& config, std::uint64_t memory)
    : logs_(config.logs, config.metrics, log_bytes(config.logs.size(), memory)), metrics_(config.metrics), notifier_(config.notifiers) {}

WatchedValues Watched::values(Timestamp now) {
  metrics_.advance(now);
  WatchedValues values{.log_counts = logs_.counts(), .metrics = logs_.numbers()};
  for (std::size_t i = 0; i < values.metrics.size(); ++i)
    if (metrics_.configs()[i].log.empty()) values.metrics[i] = metrics_.values()[i];
  return values;
}

void Watched::write_status(JsonWriter& json) const {
  json.array("logs", [&] {
    for (const LogCopy& log : logs_.copy(Timestamp::max()))
      json.object([&] {
        json.field("name", log.name);
        json.field("place", log.place);
        json.field("lines", log.all);
        json.field("counted", log.counted);
        json.field("cut", log.cut);
        json.field("kept_bytes", log.kept_bytes);
        json.field("problem", log.problem);
        json.field("skipped", log.skipped);
      });
  });
  const std::vector<double> of_logs = logs_.numbers();
  json.array("metrics", [&] {
    for (std::size_t i = 0; i < metrics_.configs().size(); ++i) {
      const bool of_log = !metrics_.configs()[i].log.empty();
      const double value = of_log ? of_logs[i] : metrics_.values()[i];
      json.object([&] {
        json.field("name", metrics_.configs()[i].name);
        json.field("value", value);
        json.field("note", of_log ? (std::isnan(value) ? "no line has said it yet" : "") : metrics_.notes()[i]);
      });
    }
  });
  json.array("notify", [&] {
    for (const Notifier::Status& one : notifier_.status())
      json.object([&] {
        json.field("name", one.name);
        json.field("told", one.told);
        json.field("failed", one.failed);
        json.field("problem", one.problem);
      });
  });
}

}  // namespace fdr

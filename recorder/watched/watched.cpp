#include "recorder/watched/watched.hpp"

#include <cmath>
#include <limits>

#include "formats/text.hpp"

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

nlohmann::json Watched::status() const {
  using nlohmann::json;
  json logs = json::array(), metrics = json::array(), notify = json::array();
  for (const LogCopy& log : logs_.copy(Timestamp::max()))
    logs.push_back({{"name", log.name}, {"place", valid_utf8(log.place)}, {"lines", log.all}, {"counted", log.counted}, {"cut", log.cut},
                    {"kept_bytes", log.kept_bytes}, {"problem", valid_utf8(log.problem)}, {"skipped", valid_utf8(log.skipped)}});
  const std::vector<double> of_logs = logs_.numbers();
  for (std::size_t i = 0; i < metrics_.configs().size(); ++i) {
    const bool of_log = !metrics_.configs()[i].log.empty();
    const double value = of_log ? of_logs[i] : metrics_.values()[i];
    const std::string note = of_log ? (std::isnan(value) ? "no line has said it yet" : "") : metrics_.notes()[i];
    metrics.push_back({{"name", metrics_.configs()[i].name}, {"value", std::isnan(value) ? json(nullptr) : json(value)}, {"note", valid_utf8(note)}});
  }
  for (const Notifier::Status& one : notifier_.status())
    notify.push_back({{"name", one.name}, {"told", one.told}, {"failed", one.failed}, {"problem", valid_utf8(one.problem)}});
  return {{"logs", logs}, {"metrics", metrics}, {"notify", notify}};
}

}  // namespace fdr

// What `fdr status --json` says, as a page in Prometheus' text format (exposition format 0.0.4), for node_exporter's textfile collector:
// no timestamps (it would refuse the whole file), HELP and TYPE once a metric, the same text in every file. Labels are names of
// recorders, rings and rules and nothing else: at most kMostRecorders and kMostRules of each, so that the number of series is bounded.
// Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace fdr {

inline constexpr std::size_t kMostRecorders = 64, kMostRules = 300;

std::string status_prometheus(const nlohmann::json& recorders, const std::string& version);

}  // namespace fdr

// Which metrics of the catalogue the long history keeps: a bounded set, those that rules speak of first. Pure.
#pragma once

#include <vector>

#include "recorder/config/config.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

// At most kMaxHistoryMetrics, ascending. What happens once (exit.code) has no history.
std::vector<MetricId> kept_metrics(const Config& config, const MetricCatalogue& catalogue);
// The longest look-back of the rules.
Duration longest_lookback(const Config& config, const MetricCatalogue& catalogue);

}  // namespace fdr

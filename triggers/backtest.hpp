// When would these rules have fired? Recorded metrics, played through the very engine that runs live. Pure.
//
// One evaluation at each moment at which anything was recorded, which is each tick: what was unknown then is unknown now.
// A metric that the recording does not have at all stays unknown, and is named. The rules begin fresh at the first tick: a
// cooldown or a hold from before it is not known here.
#pragma once

#include <string>
#include <vector>

#include "triggers/engine.hpp"

namespace fdr {

struct Backtest {
  std::vector<Firing> fired;
  std::vector<EpisodeEnd> ended;
  std::vector<RuleStatus> rules;     // as they stand at the end; `extreme` says how near each came
  std::vector<std::vector<std::string>> missing;  // of each rule: its metrics that were never recorded
  Timestamp begin, end;              // first and last tick
  std::size_t ticks = 0;
};

// `past`: what longer look-backs are answered from; null: there are none. Throws ExpressionError for a rule that does not
// parse. Memory: one row of the catalogue for each tick that the longest look-back reaches.
Backtest backtest(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue, const std::vector<MetricSeries>& metrics, const MetricPast* past = nullptr);

}  // namespace fdr

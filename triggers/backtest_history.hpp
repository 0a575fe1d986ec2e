// When would these rules have fired on the long history? Its seconds, played through the same engine one after the other;
// its minutes are what longer look-backs see of the time before. Pure.
//
// At a second's resolution: a rule without `for` is judged by the greatest (for "below", the least) value of each second, one with a
// `for` by the means. What happens once (exit.code) is not in a history, and look-backs of less than a second are not judged.
// Times are CLOCK_REALTIME: realtime_of() of a default ClockAnchor.
#pragma once

#include "formats/history.hpp"
#include "triggers/backtest.hpp"

namespace fdr {

// `least` as in MetricPast: the window. Throws ExpressionError.
Backtest backtest_history(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue, const History& history, Duration least);

}  // namespace fdr

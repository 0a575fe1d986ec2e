// The metrics of the page, most interesting first, with their points thinned to what a chart can show. Pure.
//
// A point that lies between two of the same value says nothing and is dropped; where there are still too many, the least and the
// greatest of each stretch stay, so that a short spike survives. Where nothing was known for longer than the metric's usual
// pace, a point without a value breaks the line.
#pragma once

#include <vector>

#include "formats/figures/metrics.hpp"
#include "formats/json_text.hpp"

namespace fdr {

// One metric's points: seconds from the firing, and the value; NaN where nothing is known.
using ChartPoints = std::vector<std::pair<double, double>>;
ChartPoints thinned(const ChartPoints& points, std::size_t most);

// [{"name", "unit", "per_s", "in_rule", "change", "min", "median", "max", "at_trigger", "points": [t, v, ...]}]. Those that did
// not fit have no points; `left_out` counts them.
Json chart_data(const View& view, std::size_t& left_out);

}  // namespace fdr

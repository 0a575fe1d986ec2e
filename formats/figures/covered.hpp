// For how long of a stretch of time a ring has records: it may reach back less far than the window that was asked for, and a rate over
// seconds of which nothing is known comes out too low. Every share of a CPU, on whichever page, is of these seconds. Pure.
#pragma once

#include "formats/figures/view.hpp"

namespace fdr {

// Of [begin_s, end_s] by a ring that reaches obtained_s back from until_s; 0 obtained: not known how far, so all of it.
double covered_seconds(double begin_s, double end_s, double until_s, double obtained_s);

// Of [begin, end], a part of the window, by the clock samples.
double sampled_seconds(const View& view, Timestamp begin, Timestamp end);

}  // namespace fdr

#include "formats/figures/covered.hpp"

#include <algorithm>

namespace fdr {

double covered_seconds(double begin_s, double end_s, double until_s, double obtained_s) {
  const double from_s = obtained_s > 0 ? std::max(begin_s, until_s - obtained_s) : begin_s;
  return std::max(0.0, end_s - from_s);
}

double sampled_seconds(const View& view, Timestamp begin, Timestamp end) {
  const auto ring = view.manifest.rings.find("stacks");
  const double obtained_s = ring == view.manifest.rings.end() ? 0 : ring->second.obtained_s;
  // Back from the end of the recording, whatever part of it is looked at.
  const Timeline& all = view.timeline;
  return covered_seconds(view.at(begin), view.at(end), view.at(all.end > all.begin ? all.end : view.to()), obtained_s);
}

}  // namespace fdr

#include "formats/html/sides.hpp"

#include <algorithm>

#include "formats/figures/covered.hpp"

namespace fdr {

Sides Sides::of(const View& view, const Json& onset) {
  Sides sides;
  sides.begin_s = view.at(view.from());
  sides.end_s = view.at(view.to());
  const bool onset_known = sides.onset_known = onset.at("known").get<bool>();
  if (view.timeline.quiet) {
    sides.baseline_from_s = view.at(view.timeline.quiet->begin);
    sides.baseline_until_s = view.at(view.timeline.quiet->end);
  }
  sides.known = onset_known || view.timeline.quiet;
  sides.onset_s = onset_known ? std::clamp(onset.at("at_s").get<double>(), sides.begin_s, sides.end_s) : sides.begin_s;
  sides.until_s = onset_known ? std::clamp(onset.at("until_s").get<double>(), sides.onset_s, sides.end_s) : sides.end_s;
  return sides;
}

PageSide Sides::side(double at_s) const {
  if (at_s < onset_s) return PageSide::kQuiet;
  return at_s <= until_s ? PageSide::kIncident : PageSide::kAfter;
}

std::array<double, 3> Sides::seconds(double obtained_s) const {
  const auto covered = [&](double begin, double end) { return covered_seconds(begin, end, end_s, obtained_s); };
  const double quiet = baseline_until_s > baseline_from_s ? baseline_until_s - baseline_from_s : covered(begin_s, onset_s);
  return {quiet, covered(onset_s, until_s), covered(until_s, end_s)};
}

}  // namespace fdr

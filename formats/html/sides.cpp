#include "formats/html/sides.hpp"

#include <algorithm>

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
  const double from = obtained_s > 0 ? std::max(begin_s, end_s - obtained_s) : begin_s;
  const auto since = [from](double begin, double end) { return std::max(0.0, end - std::max(begin, from)); };
  const double quiet = baseline_until_s > baseline_from_s ? baseline_until_s - baseline_from_s : since(begin_s, onset_s);
  return {quiet, since(onset_s, until_s), since(until_s, end_s)};
}

}  // namespace fdr

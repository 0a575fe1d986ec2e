#include "formats/html/sides.hpp"

#include <algorithm>

namespace fdr {

Sides Sides::of(const View& view, const Json& onset) {
  Sides sides;
  sides.begin_s = view.at(view.from());
  sides.end_s = view.at(view.to());
  sides.known = onset.at("known").get<bool>();
  sides.onset_s = sides.known ? std::clamp(onset.at("at_s").get<double>(), sides.begin_s, sides.end_s) : sides.begin_s;
  sides.until_s = sides.known ? std::clamp(onset.at("until_s").get<double>(), sides.onset_s, sides.end_s) : sides.end_s;
  return sides;
}

PageSide Sides::side(double at_s) const {
  if (at_s < onset_s) return PageSide::kQuiet;
  return at_s <= until_s ? PageSide::kIncident : PageSide::kAfter;
}

std::array<double, 3> Sides::seconds(double obtained_s) const {
  const double from = obtained_s > 0 ? std::max(begin_s, end_s - obtained_s) : begin_s;
  const auto since = [from](double begin, double end) { return std::max(0.0, end - std::max(begin, from)); };
  return {since(begin_s, onset_s), since(onset_s, until_s), since(until_s, end_s)};
}

}  // namespace fdr

// Before and since the onset, as the page splits everything it sums: quiet, incident, and what came after the incident was
// over. Without a known onset all of the window is the incident. A baseline stands for quiet where the recording has one.
#pragma once

#include <array>

#include "formats/figures/view.hpp"
#include "formats/json_text.hpp"

namespace fdr {

enum class PageSide : std::uint8_t { kQuiet = 0, kIncident = 1, kAfter = 2 };

struct Sides {
  bool known = false;               // there is something quiet to compare with
  bool onset_known = false;         // and it is in the window itself
  double baseline_from_s = 0, baseline_until_s = 0;  // from the firing; both 0 without one
  double onset_s = 0, until_s = 0;  // from the firing
  double begin_s = 0, end_s = 0;    // the window

  // `onset` as `fdr report --json` has it.
  static Sides of(const View& view, const Json& onset);
  PageSide side(double at_s) const;
  bool in_baseline(double at_s) const { return at_s >= baseline_from_s && at_s < baseline_until_s; }
  // Seconds on each side of which something that reaches `obtained_s` back from the end of the window knows.
  std::array<double, 3> seconds(double obtained_s) const;
};

}  // namespace fdr

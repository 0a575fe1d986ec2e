#include "recorder/dump/episodes.hpp"

#include <algorithm>

namespace fdr {

Manifest::Episode Episodes::begin(const Firing& firing, const ClockAnchor& clock, Timestamp covered_until) {
  // What happens once has no end: it is over at the latest when it happens again.
  std::erase_if(open_, [&](Open& open) { return std::erase(open.active, firing.rule) && open.active.empty(); });
  Open open;
  open.note.id = utc_text(clock.realtime_of(firing.time)) + "." + firing.rule;
  open.note.stage = "onset";
  open.note.onset_ns = to_ns(firing.time);
  open.note.rules = {firing.rule};
  open.active = {firing.rule};
  open.covered_until = covered_until;
  open_.push_back(std::move(open));
  return open_.back().note;
}

Manifest::Episode Episodes::join(const Firing& firing, const ClockAnchor& clock, Timestamp covered_until) {
  const auto making = std::find_if(open_.rbegin(), open_.rend(), [](const Open& open) { return open.making; });
  if (making == open_.rend()) return begin(firing, clock, covered_until);
  if (std::find(making->note.rules.begin(), making->note.rules.end(), firing.rule) == making->note.rules.end())
    making->note.rules.push_back(firing.rule);
  making->active.push_back(firing.rule);
  return making->note;
}

void Episodes::written(const std::vector<std::string>& ids, const std::string& name) {
  for (Open& open : open_) {
    if (!open.making || std::find(ids.begin(), ids.end(), open.note.id) == ids.end()) continue;
    open.making = false;
    open.note.onset_bundle = name;
  }
}

std::optional<Episodes::Over> Episodes::ended(const EpisodeEnd& end) {
  for (auto open = open_.begin(); open != open_.end(); ++open) {
    const auto rule = std::find(open->active.begin(), open->active.end(), end.rule);
    if (rule == open->active.end()) continue;
    open->active.erase(rule);
    if (!open->active.empty()) return std::nullopt;
    Over over{.note = std::move(open->note), .first_is_open = open->making, .covered_until = open->covered_until};
    over.note.stage = over.first_is_open ? "whole" : "end";
    open_.erase(open);
    return over;
  }
  return std::nullopt;
}

}  // namespace fdr

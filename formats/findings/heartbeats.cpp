// Heartbeats that stayed out. Several at the same moment are evidence: the peers are well, the sender is not.
#include <fmt/format.h>

#include <algorithm>

#include "formats/findings/families.hpp"
#include "formats/report/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

struct Beat {
  std::string name;
  double usual = 0, longest = 0;
  Timestamp last{};  // the beat before the longest gap
};

}  // namespace

Findings find_heartbeats(const Evidence& ev) {
  const char* title = "heartbeat: a beat stayed out";
  std::vector<Beat> beats, lost;
  for (const MetricSeries* series : ev.metrics_like("beat.", ".age")) {
    Beat beat{printable(series->name.substr(5, series->name.size() - 9)), 0, 0, {}};
    std::vector<double> quiet;
    for (const auto& [time, age] : metric_points(*series)) {
      if (!ev.view.in_range(time) || age < 0 || age > 1e9) continue;
      if (ev.side(time) == Side::kQuiet) quiet.push_back(age);
      if (ev.side(time) == Side::kIncident && age > beat.longest) beat.longest = age, beat.last = time - from_seconds(age);
    }
    std::sort(quiet.begin(), quiet.end());
    beat.usual = quiet.empty() ? 0 : quiet[static_cast<std::size_t>(0.95 * static_cast<double>(quiet.size() - 1))];
    beats.push_back(beat);
    const bool named = names_metric(ev.view.manifest.trigger.when, series->name);
    if (ev.alarmed && ((named && beat.longest > 0) || (!quiet.empty() && beat.longest > 3 * beat.usual && beat.longest > 1))) lost.push_back(beat);
  }
  if (beats.empty()) return {not_measurable("heartbeat", title, "no heartbeat is configured")};
  std::string figures;
  for (const Beat& beat : lost.empty() ? beats : lost)
    figures += fmt::format("{}{}: longest gap {}{}", figures.empty() ? "" : "; ", beat.name, duration_text(from_seconds(beat.longest)),
                           beat.usual > 0 ? ", usually at most " + duration_text(from_seconds(beat.usual)) : "");
  if (lost.empty()) return {speaks_against("heartbeat", title, figures)};
  std::string name = "heartbeat: " + lost[0].name;
  if (lost.size() > 1) {
    const auto [first, last] = std::minmax_element(lost.begin(), lost.end(), [](const Beat& a, const Beat& b) { return a.last < b.last; });
    name = fmt::format("heartbeat: {} beats", lost.size());
    figures += fmt::format("; their last beats came within {} of each other", duration_text(last->last - first->last));
  }
  return {speaks_for("heartbeat", name + " stayed out", 0.9, figures, "fdr show BUNDLE metrics")};
}

}  // namespace fdr

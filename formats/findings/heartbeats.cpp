// Heartbeats that stayed out. Several at the same moment are evidence: the peers are well, the sender is not.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "formats/findings/families.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kNamed = 6;

struct Beat {
  std::string name;
  double usual = 0, longest = 0;
  std::string of, peer;  // where it is one peer's: "bfd", "10.0.0.1:3784"
  Timestamp last{};  // the beat before the longest gap
};

// "bfd[10.0.0.1:3784]" -> bfd, 10.0.0.1:3784; an address may have brackets of its own.
void split_peer(Beat& beat) {
  const std::size_t open = beat.name.find('[');
  if (open == std::string::npos || beat.name.back() != ']') return;
  beat.of = beat.name.substr(0, open);
  beat.peer = beat.name.substr(open + 1, beat.name.size() - open - 2);
}

// Of a heartbeat whose peers are known the peers say all.
void leave_out_sums(std::vector<Beat>& beats) {
  std::set<std::string> sums;
  for (const Beat& beat : beats)
    if (!beat.peer.empty()) sums.insert(beat.of);
  std::erase_if(beats, [&](const Beat& beat) { return beat.peer.empty() && sums.contains(beat.name); });
}

// All peers of one heartbeat missed theirs, since the same moment: what is common to them is who sends.
std::string sender_text(const std::vector<Beat>& beats, const std::vector<Beat>& lost) {
  const std::string& of = lost[0].of;
  if (of.empty() || std::any_of(lost.begin(), lost.end(), [&](const Beat& beat) { return beat.of != of; })) return {};
  const auto peers = std::count_if(beats.begin(), beats.end(), [&](const Beat& beat) { return beat.of == of; });
  if (static_cast<std::size_t>(peers) != lost.size() || lost.size() < 2) return {};
  const auto [first, last] = std::minmax_element(lost.begin(), lost.end(), [](const Beat& a, const Beat& b) { return a.last < b.last; });
  if (to_seconds(last->last - first->last) > std::max(0.25, lost[0].usual / 2)) return {};
  return fmt::format("; all {} peers since the same moment: the sender stood still, not a link", lost.size());
}

// The most a metric was from the last beat to a little after the next one: it says so of the second before.
std::optional<double> most_meanwhile(const Evidence& ev, std::string_view metric, const Beat& beat) {
  std::optional<double> most;
  for (const auto& [time, value] : ev.points(metric))
    if (time >= beat.last && time <= beat.last + from_seconds(beat.longest + 1) && value >= 0) most = std::max(most.value_or(0), value);
  return most;
}

// Was it the whole host, a CPU, or only who should have sent? What each CPU's clock and the recorder's own tick say.
std::string canary_text(const Evidence& ev, const Beat& beat) {
  const auto still = most_meanwhile(ev, "host.standstill", beat), cpus = most_meanwhile(ev, "host.standstill.cpus", beat), late = most_meanwhile(ev, "recorder.lateness", beat);
  if (!still || !cpus || !late) return {};
  const double much = std::max(0.1, 0.25 * beat.longest);
  const int all = ev.view.manifest.host.cpus;
  if (*still >= much)
    return fmt::format("; {:.0f} of {} CPUs gave no clock tick for up to {} meanwhile: {}", *cpus, all, duration_text(from_seconds(*still)),
                       *cpus >= all ? "the host stood still" : "not the whole host, but that much of it, stood still");
  const std::string figures = fmt::format("clock ticks came on all CPUs (at most {} apart), the recorder's own tick was {} late", duration_text(from_seconds(*still)), duration_text(from_seconds(*late)));
  if (*late >= much) return "; " + figures + ": programs were not run, not only the sender";
  return "; " + figures + ": the host ran, the sender did not send";
}

}  // namespace

Findings find_heartbeats(const Evidence& ev) {
  const char* title = "heartbeat: a beat stayed out";
  std::vector<Beat> beats, lost;
  for (const MetricSeries* series : ev.metrics_like("beat.", ".age")) {
    if (series->name.size() <= 9) continue;
    Beat beat;
    beat.name = printable(series->name.substr(5, series->name.size() - 9));
    split_peer(beat);
    std::vector<double> quiet;
    for (const auto& [time, age] : metric_points(*series)) {
      if (!ev.view.in_range(time) || age < 0 || age > 1e9) continue;
      if (ev.side(time) == Side::kQuiet) quiet.push_back(age);
      if (ev.side(time) == Side::kIncident && age > beat.longest) beat.longest = age, beat.last = time - from_seconds(age);
    }
    std::sort(quiet.begin(), quiet.end());
    beat.usual = quiet.empty() ? 0 : quiet[static_cast<std::size_t>(0.95 * static_cast<double>(quiet.size() - 1))];
    beats.push_back(beat);
    const std::string& when = ev.view.manifest.trigger.when;
    // The rule speaks of the worst peer: the others are as well as ever.
    const bool named = beat.peer.empty() ? names_metric(when, series->name) : names_metric(when, "beat." + beat.of + ".age") && beat.longest > 2 * beat.usual;
    if (ev.alarmed && ((named && beat.longest > 0) || (!quiet.empty() && beat.longest > 3 * beat.usual && beat.longest > 1))) lost.push_back(beat);
  }
  if (beats.empty()) return {not_measurable("heartbeat", title, "no heartbeat is configured")};
  leave_out_sums(beats);
  leave_out_sums(lost);
  std::string figures;
  const std::vector<Beat>& told = lost.empty() ? beats : lost;
  for (std::size_t i = 0; i < told.size() && i < kNamed; ++i) {
    const Beat& beat = told[i];
    figures += fmt::format("{}{}: longest gap {}{}", figures.empty() ? "" : "; ", beat.name, duration_text(from_seconds(beat.longest)),
                           beat.usual > 0 ? ", usually at most " + duration_text(from_seconds(beat.usual)) : "");
  }
  if (told.size() > kNamed) figures += fmt::format(" and {} more", told.size() - kNamed);
  if (lost.empty()) return {speaks_against("heartbeat", title, figures)};
  const std::string verdict = canary_text(ev, *std::max_element(lost.begin(), lost.end(), [](const Beat& a, const Beat& b) { return a.longest < b.longest; }));
  std::string name = "heartbeat: " + lost[0].name;
  if (lost.size() > 1) {
    const auto [first, last] = std::minmax_element(lost.begin(), lost.end(), [](const Beat& a, const Beat& b) { return a.last < b.last; });
    const bool one = !lost[0].of.empty() && std::all_of(lost.begin(), lost.end(), [&](const Beat& beat) { return beat.of == lost[0].of; });
    name = one ? fmt::format("heartbeat: {} to {} peers", lost[0].of, lost.size()) : fmt::format("heartbeat: {} beats", lost.size());
    figures += sender_text(beats, lost) + fmt::format("; their last beats came within {} of each other", duration_text(last->last - first->last));
  }
  return {speaks_for("heartbeat", name + " stayed out", 0.9, figures + verdict, "fdr show BUNDLE metrics")};
}

}  // namespace fdr

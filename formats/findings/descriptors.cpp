// Things that are counted and only ever grow: descriptors, threads, sockets. Plateaus at exactly one number, which are
// somebody's limit, and limits that are near.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "formats/findings/families.hpp"
#include "formats/findings/text_figures.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

struct Counted {
  const char *metric, *id, *title, *what;
  double least;  // gain that means something
};
constexpr std::array<Counted, 2> kCounted = {{{"process.fds", "descriptors", "descriptors pile up", "descriptors", 32},
                                              {"process.threads", "threads", "threads pile up", "threads", 8}}};

// "socket 210, pipe 4": what the descriptors of the targets are, by the kernel's own names.
std::string kinds_of_descriptors(const Evidence& ev) {
  std::map<std::string, std::uint64_t> kinds;
  for (const std::int32_t pid : ev.view.manifest.target.pids) {
    const std::string fds = ev.process_part(pid, "fds.txt");
    for (const std::string_view line : lines_of_text(fds)) {
      const auto words = words_of(line);
      if (words.size() < 2 || !number_of(words[0])) continue;
      const std::string_view what = words[1];
      const std::size_t colon = what.find(':');
      ++kinds[colon == std::string_view::npos || what[0] == '/' ? "file" : printable(what.substr(0, std::min<std::size_t>(colon, 20)))];
    }
  }
  std::vector<std::pair<std::string, std::uint64_t>> sorted(kinds.begin(), kinds.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (std::size_t i = 0; i < sorted.size() && i < 3; ++i) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", sorted[i].first, sorted[i].second);
  return text;
}

Finding piles_up(const Evidence& ev, const Counted& counted) {
  const Change change = ev.change(counted.metric);
  const std::string title = counted.title;
  if (!change.known) return not_measurable(counted.id, title, fmt::format("{} was not recorded", counted.metric));
  const double start = change.compared ? change.quiet_last : change.first;
  const double gained = change.last - start;
  std::string figures = fmt::format("{:.0f} {} before, {:.0f} at the end, {:.0f} at most", start, counted.what, change.last, change.most);
  const bool kept = change.last >= 0.9 * change.most;
  const bool quiet_flat = change.compared && std::abs(change.quiet_last - change.quiet_first) < 0.25 * gained;
  if (gained >= counted.least && change.last > 1.4 * start && kept && quiet_flat) {
    if (!ev.by_baseline) figures += fmt::format("; {} since the onset", per_second(gained / ev.incident_s));
    if (counted.metric == std::string_view("process.fds")) {
      const std::string kinds = kinds_of_descriptors(ev);
      if (!kinds.empty()) figures += "; at the firing " + kinds;
    }
    return speaks_for(counted.id, fmt::format("{}: {:.0f} more {} and none given back", counted.title, gained, counted.what), 0.75, figures,
                      counted.metric == std::string_view("process.fds") && !ev.view.manifest.target.pids.empty()
                          ? fmt::format("fdr show BUNDLE process/{}/at/fds.txt", ev.view.manifest.target.pids.front())
                          : "fdr show BUNDLE threads");
  }
  if (change.most <= start + std::max(8.0, 0.15 * start)) return speaks_against(counted.id, title, figures);
  return not_measurable(counted.id, title, figures + (change.compared ? ": rose, not clearly" : ": no quiet part to compare with"));
}

struct Stand {
  std::string metric;
  double before = 0, level = 0, rise_s = 0, stood_s = 0;
  double rise() const { return level - before; }
};

constexpr double kStandLeast_s = 1.5;
constexpr double kStandsStill = 0.9;  // of the points: one that comes and goes beside the limit is no change of it
constexpr double kBeside = 0.03;      // of the level: others of the kind, that are not limited

// That the count rose by many steps and then stands at one number, to the end.
std::optional<Stand> stand_of(const Evidence& ev, const MetricSeries& series, const Change& change) {
  MetricPoints points = metric_points(series);
  std::erase_if(points, [&](const auto& p) { return p.first < ev.begin || p.first > ev.view.to(); });
  if (points.size() < 10) return std::nullopt;
  std::vector<double> last(points.size() / 3);
  std::transform(points.end() - static_cast<std::ptrdiff_t>(last.size()), points.end(), last.begin(), [](const auto& p) { return p.second; });
  std::nth_element(last.begin(), last.begin() + static_cast<std::ptrdiff_t>(last.size() / 2), last.end());
  Stand stand{.metric = printable(series.name), .before = change.quiet_last, .level = last[last.size() / 2]};
  if (stand.rise() < 16 || stand.level < 1.3 * stand.before) return std::nullopt;
  std::size_t from = points.size(), equal = 0;
  for (std::size_t i = points.size(); i-- > 0;) {
    if (points[i].second == stand.level) ++equal;
    if (static_cast<double>(equal) < kStandsStill * static_cast<double>(points.size() - i)) {
      if (points.size() - i > 10) break;
    } else if (points[i].second == stand.level) {
      from = i;
    }
  }
  if (from == points.size() || points.size() - from < 10) return std::nullopt;
  // How long it stood still on its way up: what is looked at once a second stands in between.
  double longest_stand_s = 0;
  for (std::size_t i = 0, step = 0; i <= from; ++i) {
    if (points[i].second > stand.level * (1 + kBeside)) return std::nullopt;
    if (points[step].second >= stand.level * (1 - kBeside)) break;  // it is up
    if (points[i].second == points[step].second) continue;
    longest_stand_s = std::max(longest_stand_s, to_seconds(points[i].first - points[step].first));
    step = i;
  }
  stand.rise_s = to_seconds(points[from].first - ev.begin);
  stand.stood_s = to_seconds(points.back().first - points[from].first);
  if (stand.stood_s < std::max(kStandLeast_s, 2.5 * longest_stand_s) || stand.rise_s < 0.5) return std::nullopt;
  return stand;
}

// A count that rose and then stands at exactly one number: somebody's limit. Where several do, the one that rose most, and of those that
// count the same things the one that says best what they are.
Finding plateau(const Evidence& ev) {
  const char* title = "plateau: something stops at exactly one number";
  std::size_t looked = 0;
  std::vector<Stand> stands;
  for (const MetricSeries& series : ev.view.timeline.metrics) {
    const bool counts = series.name.starts_with("process.sockets") || series.name == "process.fds" || series.name == "process.threads" || series.name == "process.processes" ||
                        series.name == "process.goroutines";
    if (!counts) continue;
    const Change change = ev.change_of(series);
    if (!change.compared) continue;
    ++looked;
    if (auto stand = stand_of(ev, series, change)) stands.push_back(std::move(*stand));
  }
  if (looked == 0) return not_measurable("plateau", title, "no count with a quiet part to compare with");
  if (stands.empty()) return speaks_against("plateau", title, fmt::format("none of {} counts rose and then stood still", looked));
  std::stable_sort(stands.begin(), stands.end(), [](const Stand& a, const Stand& b) { return std::pair(a.rise(), a.metric.size()) > std::pair(b.rise(), b.metric.size()); });
  const Stand& most = stands.front();
  std::string text = fmt::format("{} rose from {:.0f} to {:.0f} in {:.1f} s, then stands at exactly {:.0f} for {:.1f} s: a limit of somebody's", most.metric, most.before, most.level,
                                 most.rise_s, most.level, most.stood_s);
  for (std::size_t i = 1; i < stands.size() && i < 4; ++i) text += fmt::format("{}{} at {:.0f}", i == 1 ? "; also " : ", ", stands[i].metric, stands[i].level);
  return speaks_for("plateau", fmt::format("plateau: {} stops at exactly {:.0f}", most.metric, most.level), 0.85, text, "fdr show BUNDLE metrics");
}

Finding limits(const Evidence& ev) {
  const char* title = "limits: near the edge of what is allowed";
  std::vector<std::pair<double, std::string>> shares;
  const auto add = [&](double used, std::optional<std::uint64_t> limit, const std::string& what) {
    if (limit && *limit > 0) shares.emplace_back(used / static_cast<double>(*limit), fmt::format("{} {:.0f} of {}", what, used, *limit));
  };
  for (const std::int32_t pid : ev.view.manifest.target.pids) {
    const std::string text = ev.process_part(pid, "limits.txt");
    const std::string fds = ev.process_part(pid, "fds.txt");
    if (text.empty() || fds.empty()) continue;
    std::uint64_t open = 0;
    for (const std::string_view line : lines_of_text(fds)) {
      const auto words = words_of(line);
      if (!words.empty() && number_of(words[0])) ++open;
      if (words.size() == 4 && words[0] == "..." && words[3] == "more") open += number_of(words[2]).value_or(0);
    }
    add(static_cast<double>(open), soft_limit(text, "Max open files"), fmt::format("descriptors of {}", pid));
  }
  const std::string files = ev.text("system/at/sys_fs_file-nr");
  const auto words = words_of(files.substr(0, files.find('\n')));
  if (words.size() == 3) add(static_cast<double>(number_of(words[0]).value_or(0)), number_of(words[2]), "open files of the host");
  const Change threads = ev.change("process.threads");
  const std::string most_threads = ev.text("system/facts/sys_kernel_threads-max");
  if (threads.known) add(threads.most, number_of(most_threads.substr(0, most_threads.find('\n'))), "threads");
  if (shares.empty()) return not_measurable("limits", title, "no limits in this bundle");
  std::sort(shares.rbegin(), shares.rend());
  std::string figures;
  for (std::size_t i = 0; i < shares.size() && i < 3; ++i) figures += fmt::format("{}{} ({})", i ? "; " : "", shares[i].second, percent(100 * shares[i].first));
  if (shares.front().first >= 0.8) {
    if (!ev.alarmed) return not_measurable("limits", title, figures);
    return speaks_for("limits", "limits: " + shares.front().second, 0.8, figures, "fdr show BUNDLE files");
  }
  return speaks_against("limits", title, figures);
}

}  // namespace

Findings find_descriptors(const Evidence& ev) {
  Findings findings;
  for (const Counted& counted : kCounted) findings.push_back(piles_up(ev, counted));
  findings.push_back(plateau(ev));
  findings.push_back(limits(ev));
  return findings;
}

}  // namespace fdr

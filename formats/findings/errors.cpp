// Calls that fail: grouped by program, call, error and what they asked for, with numbers in paths blotted out, since names
// that are made up differ in them. Of the whole host where bystanders' failures are recorded.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "formats/figures/calls.hpp"
#include "formats/findings/families.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kJustBefore_s = 3.0;

struct Group {
  std::uint64_t quiet = 0, just_before = 0, incident = 0;
  std::set<std::string> names;
  std::string example;
  std::uint32_t process = kNoIndex;
};

// "/a/b/key4.db" -> "/a/b/"; of a peer, all of it.
std::string directory_of(const std::string& subject) {
  const std::size_t slash = subject.rfind('/');
  return slash == std::string::npos || subject[0] != '/' ? subject : subject.substr(0, slash + 1);
}

std::string without_numbers(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) out += c;
    else if (out.empty() || out.back() != '#') out += '#';
  }
  return out;
}

}  // namespace

Findings find_errors(const Evidence& ev) {
  const char* title = "failing calls: more calls fail than before";
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Group> groups;
  std::uint64_t quiet = 0, incident = 0;
  for (const DetailedCall& detail : ev.view.timeline.failed) {
    const SyscallCall& call = detail.call;
    const bool before = ev.onset.known && call.begin < ev.begin && to_seconds(ev.begin - call.begin) <= kJustBefore_s;
    const Side side = ev.side(call.begin);
    if (side == Side::kNeither || call.result >= 0 || call.result < -4095) continue;
    const Thread* thread = thread_at(ev.view.timeline, call.thread);
    const std::string subject = printable(detail.subject), place = directory_of(subject);
    const std::string process = ev.view.labels.process_name(thread ? thread->process : kNoIndex);
    Group& group = groups[{process, syscall_name(call.number, call.abi), errno_name(static_cast<int>(-call.result)), place[0] == '/' ? without_numbers(place) : place}];
    (side == Side::kQuiet ? quiet : incident) += 1;
    (side == Side::kQuiet ? (before ? group.just_before : group.quiet) : group.incident) += 1;
    if (group.names.size() < 1000) group.names.insert(subject);
    group.example = place;
    group.process = thread ? thread->process : kNoIndex;
  }
  const std::string more = "fdr show BUNDLE failed";
  const double quiet_s = std::max(0.1, ev.quiet_s - (ev.by_baseline ? 0 : kJustBefore_s));
  const std::string totals = fmt::format("{} failed calls kept before, {} since", quiet, incident);
  if (!ev.onset.known && !ev.has_quiet) {
    if (incident == 0) return {speaks_against("failing-calls", title, "0 failed calls were kept", more)};
    return {not_measurable("failing-calls", title, fmt::format("{} failed calls were kept; no quiet part to compare with", incident))};
  }
  struct Ranked {
    const std::tuple<std::string, std::string, std::string, std::string>* key;
    const Group* group;
    double gain;
    bool just_before;
  };
  const auto ring = ev.view.manifest.rings.find("failed");
  const bool whole = ring == ev.view.manifest.rings.end() || !lost_much(ring->second);
  std::vector<Ranked> ranked;
  for (const auto& [key, group] : groups) {
    const double before = static_cast<double>(group.quiet) / quiet_s;
    const double since = static_cast<double>(group.incident + group.just_before) / (ev.incident_s + kJustBefore_s);
    // A few that never failed before, at the very onset, say as much as many, where it is known that they never did.
    const bool at_onset = whole && group.just_before + std::min<std::uint64_t>(group.incident, 3) >= 2 && group.quiet == 0;
    const bool burst = group.incident + group.just_before >= 10 && since > 3 * before + 0.5;
    if ((at_onset || burst) && ev.has_quiet) ranked.push_back({&key, &group, since - before, group.quiet == 0 && group.just_before > 0});
  }
  if (ranked.empty()) {
    if (static_cast<double>(incident) / ev.incident_s <= 1.3 * static_cast<double>(quiet) / std::max(ev.quiet_s, 0.1) + 0.2) return {speaks_against("failing-calls", title, totals, more)};
    return {not_measurable("failing-calls", title, totals + ": no group stands out")};
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.gain > b.gain; });
  Findings findings;
  for (std::size_t i = 0; i < ranked.size() && i < 3; ++i) {
    const auto& [process, call, error, place] = *ranked[i].key;
    const Group& group = *ranked[i].group;
    std::string figures = fmt::format("{} of {}: {} {} times since the onset", call, ev.view.labels.process(group.process), error, group.incident);
    if (group.just_before > 0) figures += fmt::format(", {} in the {:.0f} s before it", group.just_before, kJustBefore_s);
    figures += fmt::format(", {} earlier", group.quiet);
    if (!place.empty()) figures += ": " + cut(group.example, 80);
    if (group.names.size() > 1) figures += fmt::format(" ({}{} names)", group.names.size() >= 1000 ? "at least " : "", group.names.size());
    const double many = std::min(0.25, ranked[i].gain / 400);
    findings.push_back(speaks_for(i == 0 ? "failing-calls" : fmt::format("failing-calls-{}", i + 1), fmt::format("failing calls: {} {} {}", process, call, error),
                                  (group.just_before > 0 && group.quiet == 0 ? 0.6 : 0.4) + many - 0.05 * static_cast<double>(i), figures, more));
  }
  return findings;
}

}  // namespace fdr

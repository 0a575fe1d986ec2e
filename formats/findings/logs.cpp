// Logs that say more than before: which lines, how often, against the quiet part. Lines are grouped by template; that some speak of
// errors is told from their words, in whatever program's log they stand.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "formats/figures/logs.hpp"
#include "formats/findings/families.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kLeastLines = 5;
constexpr std::size_t kMostTold = 3;

bool speaks_of_errors(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  static constexpr std::array<std::string_view, 16> words = {"error", "fail", "warn", "fatal", "panic", "critical", "exception", "timed out", "timeout", "refused",
                                                             "denied", "cannot", "can't", "unable", "does not", "out of memory"};
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

}  // namespace

Findings find_logs(const Evidence& ev) {
  const char* title = "log burst: a log says more than before";
  const std::string more = "fdr show BUNDLE logs";
  if (!ev.has_text("logs.ndjson")) return {not_measurable("log-burst", title, "no log was named: [[log]] in the configuration")};
  const Logs logs = read_logs(ev.text("logs.ndjson"));
  const bool has_quiet = ev.has_quiet && !ev.by_baseline;  // a baseline holds no lines
  const std::vector<LogGroup> groups = group_logs(logs, {has_quiet ? ev.quiet_from : ev.begin, ev.begin, ev.end});
  double quiet = 0, incident = 0;
  bool compared = has_quiet;
  std::vector<const LogGroup*> grown;
  for (const LogGroup& group : groups) {
    incident += group.rate;
    quiet += group.rate_before.value_or(0);
    compared = compared && group.rate_before.has_value();
    if (!has_quiet || !group.rate_before || group.incident < kLeastLines) continue;
    if (group.rate > 3 * *group.rate_before + 0.5) grown.push_back(&group);
  }
  for (const LogHead& head : logs.heads)
    if (groups.empty() && !head.problem.empty()) return {not_measurable("log-burst", title, printable(head.name + ": " + head.problem))};
  const std::string totals = compared ? fmt::format("{} lines before, {} since", per_second(quiet), per_second(incident)) : per_second(incident) + " lines";
  if (grown.empty()) {
    if (!compared) return {not_measurable("log-burst", title, totals + "; no quiet part to compare with")};
    if (incident <= 1.3 * quiet + 0.5) return {speaks_against("log-burst", title, totals, more)};
    return {not_measurable("log-burst", title, totals + ": no kind of line stands out")};
  }
  std::stable_sort(grown.begin(), grown.end(), [](const LogGroup* a, const LogGroup* b) { return a->rate - *a->rate_before > b->rate - *b->rate_before; });
  Findings findings;
  for (std::size_t i = 0; i < grown.size() && i < kMostTold; ++i) {
    const LogGroup& group = *grown[i];
    const bool errors = speaks_of_errors(group.example);
    const double score = (errors ? 0.45 : 0.3) + std::min(0.2, (group.rate - *group.rate_before) / 200) - 0.05 * static_cast<double>(i);
    findings.push_back(speaks_for(i == 0 ? "log-burst" : fmt::format("log-burst-{}", i + 1), (errors ? "error burst: " : "log burst: ") + cut(printable(group.text), 70), score,
                                  fmt::format("log {}: {} before, {} since ({} lines), the last: {}", printable(group.source), per_second(*group.rate_before), per_second(group.rate),
                                              group.incident, cut(printable(group.example), 160)),
                                  more));
  }
  return findings;
}

}  // namespace fdr

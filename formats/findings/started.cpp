// What began within ten seconds of the onset, and how targets ended. Being there is no guilt: what started is context,
// and scored so.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "formats/findings/families.hpp"
#include "formats/report/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kBefore_s = 10, kAfter_s = 1;

Finding started(const Evidence& ev) {
  const char* title = "started: what began within 10 s of the onset";
  if (!ev.onset.known) return not_measurable("started", title, "the onset is not known");
  std::vector<std::pair<std::string, std::vector<Timestamp>>> programs;
  const auto add = [&](const std::string& name, Timestamp time) {
    const double from_onset = to_seconds(time - ev.begin);
    if (name.empty() || from_onset < -kBefore_s || from_onset > kAfter_s) return;
    for (auto& [known, times] : programs)
      if (known == name) return times.push_back(time);
    programs.push_back({name, {time}});
  };
  for (const Process& process : ev.view.timeline.processes)
    if (process.started) add(printable(process.name), *process.started);
  std::uint64_t marks = 0;
  std::string mark;
  for (const LifeEvent& event : ev.view.timeline.life) {
    if (event.kind != LifeKind::kMark) continue;
    const double from_onset = to_seconds(event.time - ev.begin);
    if (from_onset < -kBefore_s || from_onset > kAfter_s) continue;
    ++marks;
    mark = fmt::format("mark '{}' {}", cut(printable(event.text), 60), relative_text(from_onset));
  }
  if (programs.empty() && marks == 0) return speaks_against("started", title, "no process of those that were watched, and no mark");
  // Those that started just then and not all the time say more; the seldom ones first.
  std::stable_sort(programs.begin(), programs.end(), [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  std::string figures = mark;
  for (std::size_t i = 0; i < programs.size() && i < 5; ++i) {
    const auto& [name, times] = programs[i];
    figures += fmt::format("{}{}{} {} from the onset", figures.empty() ? "" : "; ", name, times.size() > 1 ? fmt::format(" x{}, first", times.size()) : "",
                           relative_text(to_seconds(*std::min_element(times.begin(), times.end()) - ev.begin)));
  }
  return speaks_for("started", "started just before: " + (marks > 0 ? "a mark" : programs[0].first), marks > 0 ? 0.4 : 0.15, figures, "fdr show BUNDLE processes");
}

// Asked to end is no trouble.
bool asked_to_end(int status) {
  return WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGHUP || WTERMSIG(status) == SIGPIPE);
}

Finding ended(const Evidence& ev) {
  const char* title = "ended: a target was killed or failed";
  const auto& first = ev.view.manifest.target.pids;
  const bool about_exits = ev.view.manifest.trigger.when.find("exit.") != std::string::npos || ev.view.manifest.trigger.name == "exit";
  std::string figures, name;
  std::size_t ends = 0;
  bool killed = false;
  for (const Process& process : ev.view.timeline.processes) {
    if (process.target.empty() || !process.ended || !process.wait_status || !ev.view.in_range(*process.ended)) continue;
    const int status = *process.wait_status;
    // A child that fails is the parent's to judge; the target itself is what was asked about.
    const bool own = std::find(first.begin(), first.end(), process.pid) != first.end();
    const bool crashed = WIFSIGNALED(status) && !asked_to_end(status);
    if (!crashed && !(own && about_exits && status != 0 && !asked_to_end(status))) continue;
    killed = killed || crashed;
    const std::string who = fmt::format("{} {}: {}", printable(process.name), process.pid, exit_text(status));
    if (ends == 0) name = who;
    if (++ends <= 3) figures += fmt::format("{}{} {}", figures.empty() ? "" : "; ", who, relative_text(ev.view.at(*process.ended)));
  }
  if (ends == 0) return speaks_against("ended", title, "no target was killed or failed in this window");
  if (ends > 3) figures += fmt::format(" and {} more", ends - 3);
  return speaks_for("ended", "ended: " + name, killed ? 0.95 : 0.9, figures, "fdr show BUNDLE processes");
}

}  // namespace

Findings find_started(const Evidence& ev) { return {started(ev), ended(ev)}; }

}  // namespace fdr

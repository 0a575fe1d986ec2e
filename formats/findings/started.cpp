// What began within ten seconds of the onset, and how targets ended. Being there is no guilt: what started is context,
// and scored so.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "formats/findings/families.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kBefore_s = 10, kAfter_s = 1;

// A program that began near the onset, and what it began itself: a script is one thing, not the ten tools it calls.
struct Began {
  std::string name;
  std::vector<Timestamp> times;
  std::vector<std::string> tools;  // programs it started
};

// Who began it all: the topmost of its ancestors that began near the onset too.
const Process& head_of(const Process& process, const std::map<std::int32_t, const Process*>& near) {
  const Process* head = &process;
  for (int depth = 0; depth < 64; ++depth) {
    const auto parent = near.find(head->parent);
    if (parent == near.end() || parent->second == head || *parent->second->started > *head->started) break;
    head = parent->second;
  }
  return *head;
}

// The recorder's own commands, and what it asks the target with, are its doing and nobody's trouble.
bool of_the_recorder(const Process& process, const Evidence& ev) {
  const std::int32_t recorder = ev.view.manifest.recorder_pid;
  if (recorder != 0 && (process.pid == recorder || process.parent == recorder)) return true;
  return process.target.empty() && process.name == "fdr";
}

std::vector<Began> began_near(const Evidence& ev, const std::function<bool(Timestamp)>& is_near) {
  std::map<std::int32_t, const Process*> near;
  for (const Process& process : ev.view.timeline.processes)
    if (process.started && !process.name.empty() && is_near(*process.started) && !of_the_recorder(process, ev)) near[process.pid] = &process;
  std::vector<Began> programs;
  std::map<std::string, std::size_t> by_name;
  std::set<std::pair<std::size_t, std::string>> tools;  // of which program
  for (const Process& process : ev.view.timeline.processes) {
    const auto known_near = near.find(process.pid);
    if (known_near == near.end() || known_near->second != &process) continue;
    const Process& head = head_of(process, near);
    const std::string name = printable(head.name), own = printable(process.name);
    const auto [place, fresh] = by_name.try_emplace(name, programs.size());
    if (fresh) programs.push_back({.name = name, .times = {}, .tools = {}});
    Began& known = programs[place->second];
    if (&head == &process) known.times.push_back(*process.started);
    if (own != name && tools.emplace(place->second, own).second) known.tools.push_back(own);
  }
  // Whose parents go round in a circle nobody began.
  std::erase_if(programs, [](const Began& began) { return began.times.empty(); });
  // Those that started just then and not all the time say more: the seldom ones first, and of those what has a life of its own.
  std::stable_sort(programs.begin(), programs.end(), [](const Began& a, const Began& b) {
    return std::pair(a.times.size(), b.tools.size()) < std::pair(b.times.size(), a.tools.size());
  });
  return programs;
}

std::string tools_text(const Began& began) {
  if (began.tools.empty()) return "";
  std::string text = " (ran ";
  for (std::size_t i = 0; i < began.tools.size() && i < 4; ++i) text += (i ? ", " : "") + began.tools[i];
  return text + (began.tools.size() > 4 ? ", ..)" : ")");
}

Finding started(const Evidence& ev) {
  const char* title = "started: what began within 10 s of the onset";
  if (!ev.onset.known) return not_measurable("started", title, "the onset is not known");
  const auto is_near = [&](Timestamp time) {
    const double from_onset = to_seconds(time - ev.begin);
    return from_onset >= -kBefore_s && from_onset <= kAfter_s;
  };
  const std::vector<Began> programs = began_near(ev, is_near);
  std::string figures;
  for (const LifeEvent& event : ev.view.timeline.life)
    if (event.kind == LifeKind::kMark && is_near(event.time))
      figures = fmt::format("mark '{}' {}", cut(printable(event.text), 60), relative_text(to_seconds(event.time - ev.begin)));
  const bool marked = !figures.empty();
  if (programs.empty() && !marked) return speaks_against("started", title, "no process of those that were watched, and no mark");
  for (std::size_t i = 0; i < programs.size() && i < 5; ++i) {
    const Began& began = programs[i];
    figures += fmt::format("{}{}{}{} {} from the onset", figures.empty() ? "" : "; ", began.name, tools_text(began), began.times.size() > 1 ? fmt::format(" x{}, first", began.times.size()) : "",
                           relative_text(to_seconds(*std::min_element(began.times.begin(), began.times.end()) - ev.begin)));
  }
  return speaks_for("started", "started just before: " + (marked ? "a mark" : programs[0].name), marked ? 0.4 : 0.15, figures, "fdr show BUNDLE processes");
}

// Asked to end is no trouble.
bool asked_to_end(int status) {
  return WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGHUP || WTERMSIG(status) == SIGPIPE);
}

Finding ended(const Evidence& ev) {
  const char* title = "ended: a target was killed or failed";
  const std::set<std::int32_t> first(ev.view.manifest.target.pids.begin(), ev.view.manifest.target.pids.end());
  const bool about_exits = ev.view.manifest.trigger.when.find("exit.") != std::string::npos || ev.view.manifest.trigger.name == "exit";
  std::string figures, name;
  std::size_t ends = 0;
  bool killed = false;
  for (const Process& process : ev.view.timeline.processes) {
    if (process.target.empty() || !process.ended || !process.wait_status || !ev.view.in_range(*process.ended)) continue;
    const int status = *process.wait_status;
    // A child that fails is the parent's to judge; the target itself is what was asked about.
    const bool own = first.contains(process.pid);
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

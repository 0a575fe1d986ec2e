// A made-up case for one finding: thirty quiet seconds, an onset two seconds before the firing, five seconds after it; a
// target "server" with two threads and a bystander. Tests add what their finding looks at.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "formats/findings/families.hpp"
#include "tests/unit/formats/incident.hpp"

namespace fdr::made_case {

using incident::at;
using incident::contains;

inline constexpr double kOnset = -2, kBegin = -32, kEnd = 5;

struct Case {
  Manifest manifest;
  Timeline timeline;
  FrameNames names;
  std::map<std::string, std::string> texts;
  Onset onset;

  Case() {
    manifest.trigger.name = "rule";
    manifest.trigger.when = "process.cpu.total > 80%";
    manifest.trigger.monotonic_ns = incident::kFired;
    manifest.target.pids = {100};
    manifest.rings["syscalls"] = {60, 37, 1000, 1000, 0, 0, 0, 0};
    timeline.anchor = {1'772'368'883'456'000'000, incident::kFired, incident::kFired};
    timeline.begin = at(kBegin);
    timeline.end = at(kEnd);
    timeline.processes = {incident::process(100, "server", "server", {"/usr/bin/server"}), incident::process(200, "other", "", {"/usr/bin/other"})};
    timeline.threads = {incident::thread(100, 0, "server", 1), incident::thread(101, 0, "worker", 1), incident::thread(200, 1, "other", 1)};
    onset.known = true;
    onset.time = at(kOnset);
    onset.until = at(kEnd);
  }

  // A dump that somebody asked for: nothing fired, no onset.
  void make_manual() {
    manifest.trigger.name = "manual";
    manifest.trigger.when = "asked for";
    onset = {};
    onset.how = "no metric";
  }

  void metric(const std::string& name, double quiet, double incident_, Unit unit = Unit::kNone) {
    metric(name, [=](double t) { return t < kOnset ? quiet : incident_; }, unit);
  }
  void metric(const std::string& name, const std::function<double(double)>& value, Unit unit = Unit::kNone, MetricKind kind = MetricKind::kGauge) {
    MetricSeries series{name, unit, kind, {}};
    for (int i = 0; i <= 370; ++i) series.points.push_back({at(kBegin + 0.1 * i), value(kBegin + 0.1 * i)});
    timeline.metrics.push_back(series);
  }
  // A counter that runs at these rates.
  void counter(const std::string& name, double quiet, double incident_) {
    metric(name, [=](double t) { return quiet * (t - kBegin) + (t > kOnset ? (incident_ - quiet) * (t - kOnset) : 0); }, Unit::kNone, MetricKind::kCounter);
  }

  // Functions outermost first; those in "[...]" are the kernel's.
  StackId stack(const std::vector<std::string>& functions) {
    const auto program = timeline.stacks.intern_module({ModuleKind::kFile, "/usr/bin/server", "aa"});
    const auto kernel = timeline.stacks.intern_module({ModuleKind::kKernel, "[kernel]", ""});
    std::vector<std::uint32_t> frames;
    for (const std::string& function : functions) {
      const bool inside = function.front() == '[';
      const std::string name = inside ? function.substr(1, function.size() - 2) : function;
      frames.push_back(timeline.stacks.intern_frame(inside ? kernel : program, std::hash<std::string>{}(name), inside ? name : ""));
      names.resize(std::max<std::size_t>(names.size(), frames.back() + 1));
      if (!inside) names[frames.back()] = {{name, "", 0}};
    }
    return timeline.stacks.intern_stack(frames);
  }
  // So many samples a second between two moments.
  void samples(std::uint32_t thread, const std::vector<std::string>& functions, double from, double to, double hz = 99) {
    const StackId id = stack(functions);
    const bool kernel = functions.back().front() == '[';
    for (double t = from + 0.5 / hz; t < to; t += 1 / hz) timeline.samples.push_back({at(t), thread, 0, kernel, id, WalkEnd::kRoot});
  }
  void calls(std::uint32_t thread, const char* name, double from, double to, double hz, std::int64_t result = 0, std::uint64_t argument = 0) {
    for (double t = from + 0.5 / hz; t < to; t += 1 / hz) {
      timeline.syscalls.push_back(incident::call(t, thread, name, std::chrono::microseconds(5), result));
      timeline.syscalls.back().argument = argument;
    }
  }
  void sums(const char* name, double quiet, double incident_, std::uint64_t errors = 0) {
    using namespace std::chrono_literals;
    for (int second = static_cast<int>(kBegin); second < static_cast<int>(kEnd); ++second) {
      const double rate = second < static_cast<int>(kOnset) ? quiet : incident_;
      timeline.summary.push_back(incident::summary(second, 0, name, static_cast<std::uint64_t>(rate), errors, 10ms, 10ms, 1ms));
    }
  }
  Stall& stall(StallKind kind, std::uint32_t thread, double begin, double length, StackId stack_ = kNoStack) {
    Stall s;
    s.begin = at(begin);
    s.length = from_seconds(length);
    s.kind = kind;
    s.thread = thread;
    s.stack = stack_;
    timeline.stalls.push_back(s);
    return timeline.stalls.back();
  }

  Findings judged(Findings (*family)(const Evidence&)) const {
    const View view(manifest, timeline, names);
    return family(Evidence(view, onset, [this](std::string_view part) -> std::optional<std::string> {
      const auto found = texts.find(std::string(part));
      return found == texts.end() ? std::nullopt : std::optional(found->second);
    }));
  }
  // The finding of this id; one that says so where there is none.
  Finding judged(Findings (*family)(const Evidence&), const std::string& id) const {
    for (const Finding& finding : judged(family))
      if (finding.id == id) return finding;
    return {"no such finding", Verdict::kNotMeasurable, id, 0, "", ""};
  }
};

inline bool is_for(const Finding& f) { return f.verdict == Verdict::kFor && f.score > 0 && !f.evidence.empty(); }
inline bool is_against(const Finding& f) { return f.verdict == Verdict::kAgainst && !f.evidence.empty(); }
inline bool is_open(const Finding& f) { return f.verdict == Verdict::kNotMeasurable && f.id != "no such finding" && !f.evidence.empty(); }

}  // namespace fdr::made_case

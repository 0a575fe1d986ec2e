#include "recorder/control/status_json.hpp"

#include <unistd.h>

#include <limits>

#include "formats/text.hpp"
#include "recorder/cost/self_cost.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostListed = 1000;  // processes: a reply is sent at once (control.hpp), or not at all

std::vector<std::string> notes_of(const RecorderFacts& facts, const Recording& recording, const MetricReader& metrics) {
  std::vector<std::string> notes = recording.notes();
  for (std::string& note : metrics.notes()) notes.push_back(std::move(note));
  if (!facts.unwritten.empty()) notes.push_back(printable(facts.unwritten));
  for (const std::string& problem : facts.survival)
    if (!problem.empty()) notes.push_back(printable(problem));
  for (const std::string& problem : recording.heap_probes().problems) notes.push_back(problem);
  return notes;
}

void write(JsonWriter& json, const RingReport& ring) {
  json.field("asked_s", ring.asked_s);
  json.field("obtained_s", ring.obtained_s);
  json.field("recorded", ring.recorded);
  json.field("dropped", ring.dropped);
  json.field("missed", ring.missed);
}

void write(JsonWriter& json, const RuleStatus& rule) {
  json.field("name", rule.name);
  json.field("when", rule.when);
  json.field("sentence", rule.sentence);
  json.field("state", rule.state);
  json.field("value", rule.value);
  json.field("value_text", rule.value_text);
  json.field("extreme", rule.extreme);
  json.field("fired", rule.fired);
  json.field("suppressed", rule.suppressed);
}

void write(JsonWriter& json, const UnwindTables::Report& report) {
  json.field("rows", report.rows);
  json.field("row_room", report.row_room);
  json.field("files", report.files);
  json.field("pending", report.pending);
  json.field("spaces", report.spaces);
  json.field("space_room", report.space_room);
  json.field("homeless", report.homeless);
  json.field("segments_left_out", report.segments_left_out);
  json.field("seconds", report.seconds);
  json.field("refused", report.refused);
}

void write(JsonWriter& json, const CpuBudget& budget) {
  json.field("max_cpu_percent", budget.most());
  json.field("own_percent", budget.mean().own);
  json.field("programs_percent", budget.mean().programs);
  json.field("detail", detail_text(budget.detail()));
  json.field("lowered", budget.lowered());
  json.field("exhausted", budget.exhausted());
}

void write(JsonWriter& json, const HeapProbes::Report& report) {
  json.field("processes", report.processes);
  json.field("functions", report.functions);
  json.field("files", report.files);
  json.field("since_ns", to_ns(report.since));
  json.field("seconds", report.seconds);
}

void write_cost(JsonWriter& json, const RecorderFacts& facts, const WindowLayout& layout, const MetricReader& metrics) {
  const auto latest = [&](const char* name) {
    const auto id = metrics.catalogue().find(name);
    return id ? metrics.history().latest(*id) : std::numeric_limits<double>::quiet_NaN();
  };
  json.field("cpu_percent", latest("recorder.cpu"));
  json.field("cpu_seconds", own_cpu_seconds());
  json.field("rss_bytes", own_rss_bytes(layout.ring_bytes()));
  json.field("window_bytes", layout.total_bytes());
  json.field("slice_bytes", facts.slice_bytes);
  json.field("lateness_s", latest("recorder.lateness"));
  json.field("tick", facts.tick);
}

}  // namespace

std::string status_json(const RecorderFacts& facts, const Recording& recording, const MetricReader& metrics, const Engine& engine, Timestamp now) {
  return json_line([&](JsonWriter& json) {
    json.field("name", facts.name);
    json.field("pid", ::getpid());
    json.field("mode", facts.mode);
    json.field("backend", recording.backend());
    json.field("armed", true);
    json.field("armed_s", to_seconds(now - recording.armed_at()));
    json.field("window_s", to_seconds(facts.config.span));
    std::size_t living = 0;
    json.array("processes", [&] {
      for (const auto& [key, tracked] : recording.processes().processes()) {
        if (tracked.process.ended || ++living > kMostListed) continue;
        json.object([&] {
          json.field("pid", tracked.process.pid);
          json.field("name", tracked.process.name);
          json.field("target", tracked.process.target);
        });
      }
    });
    json.field("living", living);
    json.field("threads", recording.live_slots().size());
    json.object("rings", [&] {
      for (const auto& [name, ring] : recording.live_reports(now)) json.object(name, [&] { write(json, ring); });
    });
    json.array("rules", [&] {
      for (const RuleStatus& rule : engine.status()) json.object([&] { write(json, rule); });
    });
    json.field("bundles", facts.bundles);
    json.object("baselines", [&] { facts.baselines(json); });
    json.field("directory", facts.config.directory);
    json.field("reload", facts.reload);
    json.object("cost", [&] { write_cost(json, facts, recording.window().layout, metrics); });
    json.object("unwind", [&] { write(json, recording.unwinding()); });
    json.field("notes", notes_of(facts, recording, metrics));
    if (const CpuBudget* budget = recording.economy().budget()) json.object("budget", [&] { write(json, *budget); });
    if (facts.config.wants_heap()) json.object("heap", [&] { write(json, recording.heap_probes()); });
    facts.watched(json);
  });
}

}  // namespace fdr

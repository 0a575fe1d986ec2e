#include "recorder/control/status_json.hpp"

#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "formats/text.hpp"
#include "recorder/cost/self_cost.hpp"

namespace fdr {

namespace {

nlohmann::json unwind_json(const UnwindTables::Report& report) {
  return {{"rows", report.rows}, {"row_room", report.row_room}, {"files", report.files}, {"pending", report.pending}, {"spaces", report.spaces}, {"space_room", report.space_room},
          {"homeless", report.homeless}, {"segments_left_out", report.segments_left_out}, {"seconds", report.seconds}, {"refused", report.refused}};
}

nlohmann::json heap_json(const HeapProbes::Report& report) {
  return {{"processes", report.processes}, {"functions", report.functions}, {"files", report.files}, {"since_ns", to_ns(report.since)}, {"seconds", report.seconds}};
}

}  // namespace

std::string status_json(const RecorderFacts& facts, const Recording& recording, const MetricReader& metrics, const Engine& engine, Timestamp now) {
  using nlohmann::json;
  const auto known = [](double value) { return std::isnan(value) ? json(nullptr) : json(value); };
  json rings = json::object();
  for (const auto& [name, ring] : recording.live_reports(now))
    rings[name] = {{"asked_s", ring.asked_s}, {"obtained_s", ring.obtained_s}, {"recorded", ring.recorded}, {"dropped", ring.dropped}, {"missed", ring.missed}};
  json rules = json::array();
  for (const RuleStatus& rule : engine.status())
    rules.push_back({{"name", rule.name}, {"when", rule.when}, {"sentence", rule.sentence}, {"state", rule.state}, {"value", known(rule.value)}, {"value_text", rule.value_text},
                     {"extreme", known(rule.extreme)}, {"fired", rule.fired}, {"suppressed", rule.suppressed}});
  std::vector<std::string> notes = recording.notes();
  for (std::string& note : metrics.notes()) notes.push_back(std::move(note));
  if (!facts.unwritten.empty()) notes.push_back(printable(facts.unwritten));
  for (const std::string& problem : facts.survival)
    if (!problem.empty()) notes.push_back(printable(problem));
  const HeapProbes::Report heap = recording.heap_probes();
  notes.insert(notes.end(), heap.problems.begin(), heap.problems.end());
  json processes = json::array();
  for (const auto& [key, tracked] : recording.processes().processes())
    if (!tracked.process.ended) processes.push_back({{"pid", tracked.process.pid}, {"name", tracked.process.name}, {"target", tracked.process.target}});
  const WindowLayout& layout = recording.window().layout;
  const auto latest = [&](const char* name) {
    const auto id = metrics.catalogue().find(name);
    return id ? known(metrics.history().latest(*id)) : json(nullptr);
  };
  json status = {
      {"name", facts.name},
      {"pid", ::getpid()},
      {"mode", facts.mode},
      {"backend", recording.backend()},
      {"armed", true},
      {"armed_s", to_seconds(now - recording.armed_at())},
      {"window_s", to_seconds(facts.config.span)},
      {"processes", processes},
      {"threads", recording.live_slots().size()},
      {"rings", rings},
      {"rules", rules},
      {"bundles", facts.bundles},
      {"baselines", facts.baselines},
      {"directory", facts.config.directory},
      {"reload", facts.reload},
      {"cost", {{"cpu_percent", latest("recorder.cpu")}, {"cpu_seconds", own_cpu_seconds()}, {"rss_bytes", own_rss_bytes(layout.ring_bytes())},
                {"window_bytes", layout.total_bytes()}, {"slice_bytes", facts.slice_bytes}, {"lateness_s", latest("recorder.lateness")}, {"tick", facts.tick}}},
      {"unwind", unwind_json(recording.unwinding())},
      {"notes", notes},
  };
  if (const CpuBudget* budget = recording.economy().budget())
    status["budget"] = {{"max_cpu_percent", budget->most()}, {"own_percent", budget->mean().own}, {"programs_percent", budget->mean().programs},
                        {"detail", detail_text(budget->detail())}, {"lowered", budget->lowered()}, {"exhausted", budget->exhausted()}};
  if (facts.config.wants_heap()) status["heap"] = heap_json(heap);
  status.update(facts.watched);
  return status.dump(-1, ' ', true, json::error_handler_t::replace);
}

}  // namespace fdr

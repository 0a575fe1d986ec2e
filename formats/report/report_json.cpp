// `fdr report --json`: the same answer for machines.
#include "formats/figures/calls.hpp"
#include "formats/figures/hot.hpp"
#include "formats/figures/view.hpp"
#include "formats/findings/findings.hpp"
#include "formats/findings/grade.hpp"
#include "formats/json_text.hpp"
#include "formats/report/report.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

Json functions_json(const View& view, const OnCpu& hot) {
  Json rows = Json::array();
  for (const FunctionCount& count : hot.functions)
    rows.push_back({{"function", view.labels.function(count.function)},
                    {"self", count.self},
                    {"total", count.total},
                    {"self_before", count.before},
                    {"self_after", count.after}});
  return rows;
}

Json onset_json(const View& view, const Onset& onset) {
  Json json = {{"known", onset.known}, {"how", valid_utf8(onset.how)}, {"metric", valid_utf8(onset.metric)}};
  if (!onset.known) {
    for (const char* key : {"realtime_ns", "monotonic_ns", "time", "at_s", "until_s", "quiet", "incident"}) json[key] = nullptr;
    return json;
  }
  json["realtime_ns"] = view.timeline.anchor.realtime_of(onset.time);
  json["monotonic_ns"] = to_ns(onset.time);
  json["time"] = view.utc(onset.time);
  json["at_s"] = view.at(onset.time);
  json["until_s"] = view.at(onset.until);
  json["quiet"] = onset.quiet;
  json["incident"] = onset.incident;
  return json;
}

// What stands for the quiet part where the window has none; null where nothing does.
Json baseline_json(const View& view) {
  const auto& quiet = view.timeline.quiet;
  if (!quiet) return nullptr;
  return {{"what", valid_utf8(quiet->said)}, {"time", view.utc(quiet->end)}, {"from_s", view.at(quiet->begin)}, {"until_s", view.at(quiet->end)}};
}

Json finding_json(const Finding& finding) {
  return {{"id", valid_utf8(finding.id)},
          {"verdict", verdict_name(finding.verdict)},
          {"title", valid_utf8(finding.title)},
          {"score", finding.score},
          {"evidence", valid_utf8(finding.evidence)},
          {"more", valid_utf8(finding.more)}};
}

// As `fdr verify --json` has it.
Json grade_json(const Grade& grade) {
  Json reasons = Json::array();
  for (const std::string& reason : grade.reasons) reasons.push_back(valid_utf8(reason));
  return {{"word", grade.word}, {"reasons", std::move(reasons)}};
}

}  // namespace

std::string report_json(const Bundle& bundle, const FrameNames& names, std::string_view onset) {
  const View view(bundle.manifest, bundle.timeline, names);
  const Judgement judgement = judge(view, texts_of(bundle), onset);
  // The manifest's own JSON is the one place that knows its keys.
  const Json manifest = Json::parse(to_json(bundle.manifest));
  const OnCpu hot = count_on_cpu(view);
  const SyscallTable calls = count_syscalls(view);

  Json problems = Json::array();
  for (const std::string& problem : bundle.problems) problems.push_back(valid_utf8(problem));
  Json json;
  json["trigger"] = manifest["trigger"];
  json["host"] = manifest["host"];
  json["target"] = manifest["target"];
  json["window"] = manifest["window"];
  json["onset"] = onset_json(view, judgement.onset);
  json["baseline"] = baseline_json(view);
  json["findings"] = Json::array();
  json["ruled_out"] = Json::array();
  for (const Finding& finding : judgement.findings) {
    json["findings"].push_back(finding_json(finding));
    if (finding.verdict == Verdict::kAgainst) json["ruled_out"].push_back(finding_json(finding));
  }
  json["rings"] = manifest["rings"];
  json["completeness"] = manifest["stacks"];
  json["completeness"]["losses"] = manifest["losses"];
  json["completeness"]["problems"] = std::move(problems);
  json["completeness"]["partial"] = bundle.partial;
  json["completeness"]["grade"] = grade_json(grade_of(bundle));
  json["on_cpu"] = {{"samples", hot.samples}, {"kernel", hot.kernel},         {"before", hot.before},
                    {"after", hot.after},     {"bystanders", hot.bystanders}, {"functions", functions_json(view, hot)}};
  json["syscalls"] = {{"calls", calls.calls},
                      {"errors", calls.errors},
                      {"total_ns", calls.wall.count()},
                      {"cpu_ns", calls.cpu.count()}};
  json["cost"] = manifest["cost"];
  return dump_json(json);
}

}  // namespace fdr

// `fdr report --json`: the same answer for machines. `findings` stays empty until there are rules that find.
#include "formats/json_text.hpp"
#include "formats/report/calls.hpp"
#include "formats/report/hot.hpp"
#include "formats/report/report.hpp"
#include "formats/report/view.hpp"
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

}  // namespace

std::string report_json(const Bundle& bundle, const FrameNames& names) {
  const View view(bundle.manifest, bundle.timeline, names);
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
  json["findings"] = Json::array();
  json["rings"] = manifest["rings"];
  json["completeness"] = manifest["stacks"];
  json["completeness"]["losses"] = manifest["losses"];
  json["completeness"]["problems"] = std::move(problems);
  json["completeness"]["partial"] = bundle.partial;
  json["completeness"]["grade"] = nullptr;
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

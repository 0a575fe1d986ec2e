// Whose the targets' memory is. `growth`: who brought it in and it is still there; an allocator may have handed it on since,
// nobody outside the program sees that. `memory`: the same, and beside it what a runtime's own tables say.
#include <algorithm>

#include "formats/report/growth.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {

Json growth_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const GrowthCount& count : count_growth(in.view)) {
    Json stack = Json::array();
    for (const FunctionId function : count.functions) stack.push_back(in.view.labels.function(function));
    const Process* process = process_at(in.view.timeline, count.process);
    rows.push_back({{"place", count.functions.empty() ? "" : in.view.labels.function(count.functions.back())},
                    {"held_bytes", count.held},
                    {"given_back_bytes", count.given_back},
                    {"samples", count.samples},
                    {"kind", growth_kind_name(count.kind)},
                    {"region", valid_utf8(count.region)},
                    {"process", process ? valid_utf8(process->name) : ""},
                    {"pid", process ? process->pid : 0},
                    {"stack", std::move(stack)}});
  }
  return rows;
}

Json memory_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const Json& row : growth_rows(in))
    rows.push_back({{"bytes", row["held_bytes"]}, {"place", row["place"]}, {"known_by", "pages"}, {"process", row["process"]}, {"pid", row["pid"]}, {"stack", row["stack"]}});
  for (const Json& row : heap_rows(in)) {
    if (!row.contains("in_use_bytes")) continue;  // not measurable: `heap` says why
    rows.push_back({{"bytes", row["in_use_bytes"]}, {"place", row["function"]}, {"known_by", "Go's heap profile"}, {"process", row["process"]}, {"pid", row["pid"]}, {"stack", row["stack"]}});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) { return a["bytes"].get<double>() > b["bytes"].get<double>(); });
  return rows;
}

}  // namespace fdr

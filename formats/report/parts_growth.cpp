// `fdr show BUNDLE growth`: who brought memory in that is still there. An allocator may have handed it on since: nobody outside the
// program sees that.
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

}  // namespace fdr

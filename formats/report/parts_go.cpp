// Rows about the targets' Go programs: goroutines by what they wait for, memory by allocation site.
#include <algorithm>

#include "formats/figures/go.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr const char* kNotMeasurable = "not measurable";

std::string process_name(const View& view, std::int32_t pid) {
  for (auto process = view.timeline.processes.rbegin(); process != view.timeline.processes.rend(); ++process)
    if (process->pid == pid) return valid_utf8(process->name);
  return "";
}

Json list_of(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(valid_utf8(text));
  return list;
}

Json optional_number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
std::string optional_bytes(const std::optional<double>& value) { return value ? bytes_text(*value) : "-"; }

std::vector<GoReport> wanted(const PartInput& in) {
  std::vector<GoReport> reports = go_reports(in.bundle.path, in.view.manifest);
  std::erase_if(reports, [&](const GoReport& one) { return in.view.filter().pid && one.pid != *in.view.filter().pid; });
  return reports;
}

}  // namespace

Json goroutine_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const GoReport& report : wanted(in)) {
    const std::string name = process_name(in.view, report.pid);
    if (!report.goroutines_problem.empty())
      rows.push_back({{"count", 0}, {"wait", kNotMeasurable}, {"function", valid_utf8(report.goroutines_problem)},
                      {"place", ""}, {"created_by", ""}, {"process", name}, {"pid", report.pid}});
    for (const GoroutineRow& group : report.groups)
      rows.push_back({{"count", group.count},
                      {"wait", valid_utf8(group.wait)},
                      {"function", valid_utf8(group.function)},
                      {"place", valid_utf8(group.place)},
                      {"created_by", valid_utf8(group.created_by)},
                      {"created_place", valid_utf8(group.created_place)},
                      {"system", group.system},
                      {"waiting_s", optional_number(group.waiting_s)},
                      {"process", name},
                      {"pid", report.pid},
                      {"stack", list_of(group.stack)}});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return a["count"].get<std::uint64_t>() > b["count"].get<std::uint64_t>();
  });
  return rows;
}

Json heap_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const GoReport& report : wanted(in)) {
    const std::string name = process_name(in.view, report.pid);
    if (!report.heap_problem.empty())
      rows.push_back({{"function", kNotMeasurable + (": " + valid_utf8(report.heap_problem))}, {"place", ""}, {"process", name},
                      {"pid", report.pid}});
    for (const HeapRow& site : report.sites)
      rows.push_back({{"function", valid_utf8(site.function)},
                      {"place", valid_utf8(site.place)},
                      {"grown_bytes", optional_number(site.grown)},
                      {"in_use_bytes", site.in_use},
                      {"alloc_since_start_bytes", optional_number(site.allocated_since_start)},
                      {"alloc_bytes", site.allocated},
                      {"grown_text", optional_bytes(site.grown)},
                      {"in_use_text", bytes_text(site.in_use)},
                      {"alloc_since_start_text", optional_bytes(site.allocated_since_start)},
                      {"alloc_text", bytes_text(site.allocated)},
                      {"start_s", optional_number(report.heap_start_at_s)},
                      {"process", name},
                      {"pid", report.pid},
                      {"stack", list_of(site.stack)}});
  }
  return rows;
}

}  // namespace fdr

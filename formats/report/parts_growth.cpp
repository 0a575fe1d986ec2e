// Whose the targets' memory is. `growth`: first, where a target has heap = true, who allocated what it holds; then who brought it in and it
// is still there, which an allocator may have handed on since: nobody outside the program sees that. `memory`: the same, and beside it what a
// runtime's own tables say.
#include <fmt/format.h>

#include <algorithm>

#include "formats/figures/growth.hpp"
#include "formats/figures/held.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostBytes = 64u << 20;
constexpr const char* kAllocated = "allocated";  // kind of a row, beside those of pages

Json names_of(const View& view, const std::vector<FunctionId>& functions) {
  Json names = Json::array();
  for (const FunctionId function : functions) names.push_back(view.labels.function(function));
  return names;
}

std::string place_of(const View& view, const std::vector<FunctionId>& functions) { return functions.empty() ? "" : view.labels.function(functions.back()); }

Json growth_row(const View& view, std::uint32_t process_index, const std::vector<FunctionId>& functions) {
  const Process* process = process_at(view.timeline, process_index);
  return {{"place", place_of(view, functions)}, {"process", process ? valid_utf8(process->name) : ""}, {"pid", process ? process->pid : 0}, {"stack", names_of(view, functions)}};
}

// Empty where there is no such file.
HeldBlocks held_of(const PartInput& in) {
  if (!in.view.manifest.files.contains(kAllocationsFile)) return {};
  return held_blocks(read_bundle_text(in.bundle.path, kAllocationsFile, kMostBytes).value_or(""), in.view.timeline);
}

// "+-14 %, since -23.4 s"
std::string sampling_text(const View& view, const HeldCount& count) {
  return fmt::format("+-{:.0f} %, since {:+.1f} s", 100 * count.error, view.at(count.first));
}

}  // namespace

Json growth_rows(const PartInput& in) {
  Json allocated = Json::array(), pages = Json::array();
  const HeldBlocks held = held_of(in);
  for (const HeldCount& count : count_held(in.view, held)) {
    Json row = growth_row(in.view, count.process, count.functions);
    row.update({{"held_bytes", count.bytes},
                {"given_back_bytes", 0},
                {"samples", count.blocks},
                {"kind", kAllocated},
                {"region", sampling_text(in.view, count)},
                {"error_percent", 100 * count.error},
                {"first_s", in.view.at(count.first)},
                {"last_s", in.view.at(count.last)}});
    allocated.push_back(std::move(row));
  }
  for (const GrowthCount& count : count_growth(in.view)) {
    Json row = growth_row(in.view, count.process, count.functions);
    row.update({{"held_bytes", count.held},
                {"given_back_bytes", count.given_back},
                {"samples", count.samples},
                {"kind", growth_kind_name(count.kind)},
                {"region", valid_utf8(count.region)},
                {"error_percent", nullptr},
                {"first_s", nullptr},
                {"last_s", nullptr}});
    pages.push_back(std::move(row));
  }
  if (!held_explains_growth(in.view, held)) std::swap(allocated, pages);
  for (Json& row : pages) allocated.push_back(std::move(row));
  return allocated;
}

Json memory_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const Json& row : growth_rows(in))
    rows.push_back({{"bytes", row["held_bytes"]}, {"place", row["place"]}, {"known_by", row["kind"] == kAllocated ? "allocations" : "pages"}, {"process", row["process"]}, {"pid", row["pid"]}, {"stack", row["stack"]}});
  for (const Json& row : heap_rows(in)) {
    if (!row.contains("in_use_bytes")) continue;  // not measurable: `heap` says why
    rows.push_back({{"bytes", row["in_use_bytes"]}, {"place", row["function"]}, {"known_by", "Go's heap profile"}, {"process", row["process"]}, {"pid", row["pid"]}, {"stack", row["stack"]}});
  }
  // Who allocated what is held is certain; who touched a page first is not.
  const bool allocations_first = held_explains_growth(in.view, held_of(in));
  const auto comes_first = [&](const Json& row) { return allocations_first && row["known_by"] == "allocations"; };
  std::stable_sort(rows.begin(), rows.end(), [&](const Json& a, const Json& b) {
    if (comes_first(a) != comes_first(b)) return comes_first(a);
    return a["bytes"].get<double>() > b["bytes"].get<double>();
  });
  return rows;
}

}  // namespace fdr

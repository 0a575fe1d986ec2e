// What firings share, as text and as JSON.
#include <fmt/format.h>

#include "formats/compare/common.hpp"
#include "formats/json_text.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kRows = 12, kDepth = 6;

std::string values(const CommonRow& row) {
  std::string text;
  for (const DiffRow& one : row.in) text += fmt::format("{}{} > {}", text.empty() ? "" : ", ", one.base_text, one.now_text);
  return text;
}

// "score < mix < main": innermost first.
std::string stack_text(const std::vector<std::string>& stack) {
  std::string text;
  for (std::size_t i = 0; i < stack.size() && i < kDepth; ++i) text += (i ? " < " : "") + stack[stack.size() - 1 - i];
  return stack.size() > kDepth ? text + " < .." : text;
}

std::string part_text(const CommonPart& part, const ReportStyle& style) {
  if (part.rows.empty()) return "";
  Table table({fmt::format("{} ({})", part.name, part.unit), "before > then, in each firing"}, {1});
  for (const CommonRow& row : part.rows) table.row({row.stack.empty() ? row.name : stack_text(row.stack), values(row)});
  std::string out = "\n" + table.text(style, kRows);
  if (table.size() > kRows) out += inked(fmt::format("  .. {} more: --json has all", table.size() - kRows), Ink::kFaint, style) + "\n";
  return out;
}

}  // namespace

std::string common_text(const std::vector<FiringProfile>& firings, const ReportStyle& style) {
  const Common common = common_of(firings);
  std::string out;
  for (const FiringProfile& firing : firings) {
    out += fmt::format("{} {}: {} samples", firing.time, firing.rule, count_text(firing.samples));
    if (firing.moved) out += fmt::format(", {:.1f} s quiet, {:.1f} s incident", firing.moved->base_s, firing.moved->now_s);
    out += "\n";
    if (!firing.moved) out += wrapped("  not compared: ", printable(firing.problem), style);
  }
  out += "\n" + inked(fmt::format("FINDINGS that speak in all {} firings", firings.size()), Ink::kBold, style) + "\n";
  for (const auto& same : common.findings) {
    out += "  " + same.front().id + "\n";
    for (const Finding& finding : same) out += wrapped("    ", finding.title, style);
  }
  if (common.findings.empty()) out += "  none\n";
  if (common.compared < 2) return out + fmt::format("\n{} of {} firings have a quiet part: two are needed to say what moved in each\n", common.compared, firings.size());
  out += "\n" + inked(fmt::format("MOVED the same way in each of {} firings, from its quiet part to its incident", common.compared), Ink::kBold, style) + "\n";
  std::string parts;
  for (const CommonPart& part : common.parts) parts += part_text(part, style);
  return out + (parts.empty() ? "  nothing\n" : parts);
}

std::string common_json(const std::vector<FiringProfile>& firings) {
  const Common common = common_of(firings);
  Json json;
  json["firings"] = Json::array();
  for (const FiringProfile& firing : firings) {
    Json one = {{"bundle", valid_utf8(firing.name)}, {"rule", valid_utf8(firing.rule)}, {"time", firing.time}, {"samples", firing.samples}, {"compared", firing.moved.has_value()}};
    one["quiet_s"] = firing.moved ? Json(firing.moved->base_s) : Json(nullptr);
    one["incident_s"] = firing.moved ? Json(firing.moved->now_s) : Json(nullptr);
    one["problem"] = valid_utf8(firing.problem);
    json["firings"].push_back(std::move(one));
  }
  json["compared"] = common.compared;
  json["findings"] = Json::array();
  for (const auto& same : common.findings) {
    Json titles = Json::array();
    for (const Finding& finding : same) titles.push_back(valid_utf8(finding.title));
    json["findings"].push_back({{"id", same.front().id}, {"titles", std::move(titles)}});
  }
  for (const CommonPart& part : common.parts) {
    Json rows = Json::array();
    for (const CommonRow& row : part.rows) {
      Json one = {{"name", valid_utf8(row.name)}, {"unit", part.unit}};
      if (!row.stack.empty()) {
        one["stack"] = Json::array();
        for (const std::string& function : row.stack) one["stack"].push_back(valid_utf8(function));
      }
      one["in"] = Json::array();
      for (const DiffRow& in : row.in) one["in"].push_back({{"base", in.base}, {"now", in.now}});
      rows.push_back(std::move(one));
    }
    json[part.name] = std::move(rows);
  }
  return dump_json(json);
}

}  // namespace fdr

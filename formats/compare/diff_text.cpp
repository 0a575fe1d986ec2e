// A difference as tables and as JSON.
#include <fmt/format.h>

#include <cmath>

#include "formats/compare/diff.hpp"
#include "formats/json_text.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kRows = 12, kStacks = 5, kStackDepth = 12;

std::string stacks_text(const DiffPart& part, const ReportStyle& style) {
  std::string out;
  const std::size_t width = style.columns > 10 ? static_cast<std::size_t>(style.columns) - 6 : 0;
  for (std::size_t i = 0; i < part.rows.size() && i < kStacks; ++i) {
    const DiffRow& row = part.rows[i];
    if (row.base_text == row.now_text) break;  // sorted: nothing that moved more follows
    out += fmt::format("  {} of a CPU, then {}\n", row.base_text, row.now_text);
    for (std::size_t depth = 0; depth < row.stack.size(); ++depth) {
      if (depth == kStackDepth) {
        out += fmt::format("      .. {} frames ..\n", row.stack.size() - depth);
        break;
      }
      out += "      " + cut(row.stack[row.stack.size() - 1 - depth], width) + "\n";
    }
  }
  if (out.empty()) return out;
  return "\n" + inked("STACKS that changed most, innermost function first", Ink::kBold, style) + "\n" + out;
}

std::string title_of(const DiffPart& part) {
  std::string title;
  for (const char* c = part.name; *c; ++c) title += static_cast<char>(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
  return title + fmt::format(" ({})", part.unit);
}

std::string errors_text(double rate) { return rate > 0 ? fmt::format("{:.{}f}/s", rate, rate < 10 ? 1 : 0) : ""; }

std::string part_text(const DiffPart& part, const ReportStyle& style) {
  const bool calls = std::string_view(part.name) == "syscalls";
  std::vector<std::string> headers = {title_of(part), "before", "then"};
  if (calls) headers.insert(headers.end(), {"errors", "then", "each", "then"});
  Table table(headers);
  for (const DiffRow& row : part.rows) {
    if (row.base_text == row.now_text && row.base_errors == row.now_errors) continue;
    std::vector<std::string> cells = {row.name, row.base_text, row.now_text};
    if (calls) {
      const auto each = [](double ns) { return ns > 0 && ns < 1e18 ? duration_text(Duration{static_cast<std::int64_t>(ns)}) : "-"; };
      cells.insert(cells.end(), {errors_text(row.base_errors), errors_text(row.now_errors), each(row.base_each_ns), each(row.now_each_ns)});
    }
    table.row(std::move(cells));
  }
  if (table.empty()) return "";
  std::string out = "\n" + table.text(style, kRows);
  if (table.size() > kRows) out += inked(fmt::format("  .. {} more: --json has all", table.size() - kRows), Ink::kFaint, style) + "\n";
  return out;
}

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::string diff_text(const Difference& difference, const ReportStyle& style) {
  std::string out = wrapped("before ", difference.base, style) + wrapped("then   ", difference.now, style);
  bool changed = false;
  for (const DiffPart& part : difference.parts) {
    const std::string text = std::string_view(part.name) == "stacks" ? stacks_text(part, style) : part_text(part, style);
    changed = changed || !text.empty();
    out += text;
  }
  return changed ? out : out + "\nnothing differs\n";
}

std::string diff_json(const Difference& difference) {
  Json json = {{"base", {{"what", valid_utf8(difference.base)}, {"seconds", difference.base_s}}}, {"now", {{"what", valid_utf8(difference.now)}, {"seconds", difference.now_s}}}};
  for (const DiffPart& part : difference.parts) {
    Json rows = Json::array();
    for (const DiffRow& row : part.rows) {
      Json one = {{"name", valid_utf8(row.name)}, {"base", finite(row.base)}, {"now", finite(row.now)}, {"gain", finite(row.gain())}, {"unit", part.unit}};
      if (!row.stack.empty()) {
        one["stack"] = Json::array();
        for (const std::string& function : row.stack) one["stack"].push_back(valid_utf8(function));
      }
      if (std::string_view(part.name) == "syscalls")
        one.update({{"base_errors", row.base_errors}, {"now_errors", row.now_errors}, {"base_each_ns", row.base_each_ns}, {"now_each_ns", row.now_each_ns}});
      rows.push_back(std::move(one));
    }
    json[part.name] = std::move(rows);
  }
  return dump_json(json);
}

}  // namespace fdr

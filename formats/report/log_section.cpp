#include "formats/report/log_section.hpp"

#include <fmt/format.h>

#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kRows = 8;

std::string rate_text(double rate) { return rate == 0 ? "0/s" : rate < 10 ? fmt::format("{:.2f}/s", rate) : fmt::format("{:.0f}/s", rate); }

}  // namespace

std::string log_section(const Logs& logs, const LogSpan& span, const std::string& bundle_path, const ReportStyle& style) {
  if (logs.heads.empty() && logs.lines.empty()) return "";
  const std::vector<LogGroup> groups = group_logs(logs, span);
  Table table({"LOGS, lines that differ in numbers and the like only", "log", "lines", "before", "since"}, {1});
  for (const LogGroup& group : groups)
    table.row({printable(group.text), printable(group.source), count_text(group.quiet + group.incident), group.rate_before ? rate_text(*group.rate_before) : "-", rate_text(group.rate)});
  std::string out = "\n" + (groups.empty() ? inked("LOGS", Ink::kBold, style) + "\n  they said nothing in this window\n" : table.text(style, kRows));
  if (groups.size() > kRows)
    out += inked(fmt::format("  .. {} more: fdr show {} logs", count_text(groups.size() - kRows), printable(bundle_path)), Ink::kFaint, style) + "\n";
  for (const LogHead& head : logs.heads) {
    const std::string what = head.problem.empty() ? head.skipped : head.problem;
    if (!what.empty()) out += wrapped("  ", printable(fmt::format("{} ({}): {}", head.name, head.place, what)), style);
  }
  return out;
}

}  // namespace fdr

#include "formats/report/go_section.hpp"

#include <fmt/format.h>

#include <cmath>

#include "formats/figures/go.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kGroups = 3, kSites = 3;

// "peer.go:98" of a whole path: the package is in the function's name.
std::string file_and_line(const std::string& place) { return place.substr(place.rfind('/') + 1); }

// " at peer.go:98"; nothing where no line is known.
std::string at(const std::string& place) { return place.empty() ? "" : " at " + file_and_line(place); }

std::string goroutines_line(const GoReport& report) {
  if (!report.goroutines_problem.empty()) return "goroutines not measurable: " + report.goroutines_problem;
  std::string text = count_text(report.goroutines) + " goroutines at the firing";
  if (report.goroutines_at_start && report.goroutines_start_at_s)
    text += fmt::format(", {} when first seen ({:.0f} s before)", count_text(*report.goroutines_at_start), -*report.goroutines_start_at_s);
  return text;
}

std::string group_line(const GoroutineRow& group) {
  std::string text = fmt::format("{} in {}{} ({})", count_text(group.count), group.function, at(group.place), group.wait);
  if (group.waiting_s && *group.waiting_s >= 60) text += fmt::format(", the longest for {:.0f} min", *group.waiting_s / 60);
  if (!group.created_by.empty()) text += fmt::format(", created by {}{}", group.created_by, at(group.created_place));
  return text;
}

std::string site_line(const HeapRow& site) {
  std::string text = site.function + at(site.place) + ": ";
  if (site.grown) text += fmt::format("{}{} since the start, ", *site.grown < 0 ? "-" : "+", bytes_text(std::abs(*site.grown)));
  return text + fmt::format("{} in use, {} allocated in all", bytes_text(site.in_use), bytes_text(site.allocated));
}

}  // namespace

std::string go_section(const std::string& bundle_path, const Manifest& manifest, const ReportStyle& style) {
  std::string out;
  for (const GoReport& report : go_reports(bundle_path, manifest)) {
    out += wrapped("  ", printable(fmt::format("pid {} ({}): {}", report.pid, report.version.empty() ? "Go" : report.version, goroutines_line(report))), style);
    std::size_t shown = 0;
    for (const GoroutineRow& group : report.groups)
      if (!group.system && ++shown <= kGroups) out += wrapped("    ", printable(group_line(group)), style);
    if (!report.heap_problem.empty()) out += wrapped("  ", "memory by allocation site not measurable: " + printable(report.heap_problem), style);
    // Without a start, by what is in use; else what grew, and the first in any case.
    for (std::size_t i = 0; i < report.sites.size() && i < kSites; ++i)
      if (i == 0 || report.sites[i].grown.value_or(1) > 0) out += wrapped("    ", printable(site_line(report.sites[i])), style);
  }
  if (out.empty()) return "";
  out += inked(fmt::format("  .. all: fdr show {} goroutines (and heap)", printable(bundle_path)), Ink::kFaint, style) + "\n";
  return "\n" + inked("GO", Ink::kBold, style) + "\n" + out;
}

}  // namespace fdr

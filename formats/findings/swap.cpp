// Memory short enough to hurt: swapping, and kills for want of it.
#include <fmt/format.h>


#include "formats/findings/families.hpp"
#include "formats/findings/text_figures.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kMegabyte = 1048576;

Finding swapping(const Evidence& ev) {
  const char* title = "swap: memory goes to the swap device and comes back";
  const Change in = ev.change("host.swap.in"), out = ev.change("host.swap.out"), own = ev.change("process.swap"), major = ev.change("process.faults.major");
  if (!in.known && !out.known && !own.known) return not_measurable("swap", title, "no metric of swapping in this bundle");
  std::string figures;
  if (in.known && out.known) figures = fmt::format("{}/s in, {}/s out", bytes_text(in.incident), bytes_text(out.incident));
  if (own.known) figures += fmt::format("{}of the targets in swap {}", figures.empty() ? "" : "; ", bytes_text(own.most));
  if (major.known) figures += fmt::format("; {:.0f} major faults", major.incident * ev.incident_s);
  const bool of_target = own.known && own.most - (own.compared ? own.quiet_last : 0) > 4 * kMegabyte;
  const bool of_host = out.most > 4 * kMegabyte || in.most > 4 * kMegabyte;
  const bool often = major.known && major.incident * ev.incident_s > 500 && (in.incident > 0.5 * kMegabyte);
  const bool more = !out.compared || out.incident + in.incident > 2 * (out.quiet + in.quiet) + 0.1 * kMegabyte || of_target;
  if (of_target || often || of_host) {
    if (!ev.alarmed || !more) return not_measurable("swap", title, figures + ": no more than before");
    return speaks_for("swap", of_target ? "swap: memory of the targets is swapped out" : "swap: the host swaps", of_target ? 0.65 : 0.5, figures, "fdr show BUNDLE metrics");
  }
  if ((own.known && own.most > 0) || in.most > 0.5 * kMegabyte || out.most > 0.5 * kMegabyte) return not_measurable("swap", title, figures + ": a little");
  return speaks_against("swap", title, figures);
}

// Lines of the kernel log carry seconds since boot: "<4>[20208.057389] Out of memory: Killed process ...".
std::vector<std::string> kills_in_log(const Evidence& ev, bool& readable) {
  std::vector<std::string> kills;
  const std::string log = ev.text("system/at/kernel_log");
  readable = !log.empty();
  const ClockAnchor& anchor = ev.view.timeline.anchor;
  const double from = static_cast<double>(anchor.boottime_of(ev.view.from())) * 1e-9, to = static_cast<double>(anchor.boottime_of(ev.view.to())) * 1e-9;
  for (const std::string_view line : lines_of_text(log)) {
    const bool kill = line.find("Killed process") != std::string_view::npos || line.find("oom-kill:") != std::string_view::npos;
    const std::size_t open = line.find('['), dot = line.find('.');
    if (!kill || open == std::string_view::npos || dot == std::string_view::npos || dot < open) continue;
    const auto words = words_of(line.substr(open + 1, dot - open - 1));
    const auto seconds = words.empty() ? std::nullopt : number_of(words[0]);
    if (!seconds || static_cast<double>(*seconds) + 1 < from || static_cast<double>(*seconds) > to) continue;
    if (line.find("Killed process") != std::string_view::npos) kills.push_back(printable(line.substr(line.find(']') == std::string_view::npos ? 0 : line.find(']') + 1)));
  }
  return kills;
}

Finding oom(const Evidence& ev) {
  const char* title = "out of memory: the kernel killed for want of it (OOM)";
  bool readable = false;
  const auto kills = kills_in_log(ev, readable);
  const auto before = figure_of(ev.text("system/before/vmstat"), "oom_kill"), at = figure_of(ev.text("system/at/vmstat"), "oom_kill");
  if (!kills.empty())
    return speaks_for("oom", "out of memory: the kernel killed (OOM)", 0.95, cut(kills.front(), 200) + (kills.size() > 1 ? fmt::format(" and {} more", kills.size() - 1) : ""),
                      "fdr show BUNDLE system/at/kernel_log");
  if (before && at && *at > *before)
    return speaks_for("oom", "out of memory: the kernel killed (OOM)", 0.9, fmt::format("oom_kill of /proc/vmstat rose from {} to {}", *before, *at), "fdr show BUNDLE system/at/vmstat");
  if (!readable && !at) return not_measurable("oom", title, "neither kernel log nor vmstat in this bundle");
  std::string figures = readable ? "no kill in the kernel log" : "";
  if (before && at) figures += fmt::format("{}oom_kill stayed {}", figures.empty() ? "" : "; ", *at);
  if (!(before && at) && !readable) return not_measurable("oom", title, "one reading of vmstat only");
  return speaks_against("oom", title, figures);
}

}  // namespace

Findings find_swap(const Evidence& ev) { return {swapping(ev), oom(ev)}; }

}  // namespace fdr

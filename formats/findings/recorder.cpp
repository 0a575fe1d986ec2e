// The recorder as a suspect: what it cost, and whether it lost so much that the other findings stand on sand.
#include <fmt/format.h>

#include <algorithm>

#include "formats/findings/families.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {

Findings find_recorder(const Evidence& ev) {
  const char* title = "recorder: its own cost or losses";
  const Manifest& m = ev.view.manifest;
  std::string figures, wrong;
  const auto complain = [&](const std::string& text) { wrong += (wrong.empty() ? "" : "; ") + text; };
  const Change cpu = ev.change("recorder.cpu"), late = ev.change("recorder.lateness");
  if (cpu.known) {
    figures = fmt::format("{} of a CPU before the firing", percent(cpu.compared ? cpu.quiet : cpu.incident));
    if (cpu.compared && cpu.quiet > 20) complain(fmt::format("it took {} of a CPU", percent(cpu.quiet)));
  }
  if (late.known) {
    figures += fmt::format("{}ticks at most {} late", figures.empty() ? "" : "; ", duration_text(from_seconds(std::clamp(late.most, 0.0, 1e9))));
    // A late tick is the host's doing far more often than the recorder's: said, not held against it.
  }
  if (m.stacks.samples >= 50) {
    const double share = 100.0 * static_cast<double>(m.stacks.complete) / static_cast<double>(m.stacks.samples);
    figures += fmt::format("{}{} of stacks complete", figures.empty() ? "" : "; ", percent(share));
    if (share < 80) complain(fmt::format("only {} of the stacks are complete", percent(share)));
  }
  const double needed_s = to_seconds(ev.view.to() - ev.begin);
  for (const auto& [name, ring] : m.rings) {
    // Single calls are kept for as long as they fit: known and said elsewhere.
    if (name != "syscalls" && ring.asked_s > 0 && ring.obtained_s + 1 < needed_s)
      complain(fmt::format("{} reach back {:.1f} s, the onset {:.1f} s", printable(name), ring.obtained_s, needed_s));
    if (lost_much(ring)) complain(fmt::format("{}: {} of {} records had no room", printable(name), count_text(ring.dropped), count_text(ring.recorded + ring.dropped)));
  }
  // In a dump that was asked for it is no suspect of anything; losses stand in the header anyway.
  if (!wrong.empty() && !ev.alarmed) return {not_measurable("recorder", title, wrong + (figures.empty() ? "" : "; " + figures))};
  if (!wrong.empty()) return {speaks_for("recorder", "recorder: " + cut(wrong, 60), 0.3, wrong + (figures.empty() ? "" : "; " + figures), "fdr show BUNDLE rings")};
  if (figures.empty()) return {not_measurable("recorder", title, "its cost was not recorded")};
  return {speaks_against("recorder", title, figures, "fdr show BUNDLE rings")};
}

}  // namespace fdr

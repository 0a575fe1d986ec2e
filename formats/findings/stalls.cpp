// Stood still: waits that do not belong to the nature of the call. Uninterruptible ones are the disk's (or a network file
// system's); the others a peer's, a pipe's, a lock's. Reclaim and the run queue have findings of their own.
#include <fmt/format.h>

#include <algorithm>

#include "formats/duration_sum.hpp"
#include "formats/findings/families.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

struct Sum {
  std::uint64_t count = 0, quiet_count = 0;
  Duration together{}, quiet_longest{};
  const Stall* longest = nullptr;
};

Sum sum_of(const Evidence& ev, StallKind kind) {
  Sum sum;
  for (const Stall& stall : ev.view.timeline.stalls) {
    if (stall.kind != kind || !ev.view.wants_thread(stall.thread)) continue;
    const Side side = ev.side(stall.begin, stall.length);
    if (side == Side::kQuiet) ++sum.quiet_count, sum.quiet_longest = std::max(sum.quiet_longest, stall.length);
    if (side != Side::kIncident) continue;
    ++sum.count;
    add_up(sum.together, ev.within_incident(stall.begin, stall.length));
    if (!sum.longest || stall.length > sum.longest->length) sum.longest = &stall;
  }
  return sum;
}

std::string described(const Evidence& ev, const Stall& stall) {
  std::string text = duration_text(stall.length) + ": " + ev.view.labels.thread(stall.thread);
  if (stall.syscall >= 0) text += " in " + syscall_name(static_cast<std::uint16_t>(stall.syscall));
  const std::string place = ev.view.labels.place_of(stall.stack);
  return place.empty() ? text : text + " at " + cut(place, 50);
}

Finding disk(const Evidence& ev) {
  const char* title = "disk: waits for input and output (iowait)";
  const Change iowait = ev.change("host.cpu.iowait"), pressure = ev.change("host.psi.io.full");
  const Sum sum = sum_of(ev, StallKind::kUninterruptible);
  if (!iowait.known && !sum.longest) return not_measurable("disk", title, "host.cpu.iowait was not recorded");
  std::string figures = iowait.known ? fmt::format("iowait {} of all CPUs", percent(iowait.incident)) : "iowait unknown";
  if (pressure.known) figures += fmt::format("; all tasks waited {} of the time", percent(pressure.incident));
  const Change busy = ev.change("host.disk.busy"), wait = ev.change("host.disk.wait");
  if (busy.known) figures += "; busiest disk " + busy.moved();
  if (wait.known) figures += fmt::format("; a request took {}, at most {}", wait.text(wait.incident), wait.text(wait.most));
  const double share = to_seconds(sum.together) / ev.incident_s;
  figures += fmt::format("; targets uninterruptible {} in {} stalls", sum.together > Duration{0} ? duration_text(sum.together) : "0 s", sum.count);
  if (sum.longest) figures += ", longest " + described(ev, *sum.longest);
  const bool target_waits = sum.longest && (share >= 0.1 || sum.longest->length >= std::chrono::milliseconds(300));
  const bool more = !ev.has_quiet || (sum.longest && sum.longest->length > 2 * sum.quiet_longest) || iowait.grew(2, 2);
  if (target_waits && more && ev.alarmed) return speaks_for("disk", "disk: " + ev.view.labels.thread(sum.longest->thread) + " waits uninterruptibly", 0.55 + std::min(0.3, share), figures, "fdr show BUNDLE stalls");
  if (iowait.incident < 10 && share < 0.05 && (!sum.longest || sum.longest->length < std::chrono::milliseconds(200))) return speaks_against("disk", title, figures);
  return not_measurable("disk", title, figures + ": neither little nor clearly more than before");
}

Finding blocked(const Evidence& ev) {
  const char* title = "blocked: a call that should return at once did not";
  const Sum sum = sum_of(ev, StallKind::kBlocked);
  if (!sum.longest) {
    if (ev.view.timeline.stalls.empty()) return not_measurable("blocked", title, "no stalls in this bundle");
    return speaks_against("blocked", title, "0 stalls");
  }
  const std::string figures = fmt::format("{} stalls, {} together, longest {}; before {}, longest {}", sum.count, duration_text(sum.together), described(ev, *sum.longest),
                                          sum.quiet_count, sum.quiet_longest > Duration{0} ? duration_text(sum.quiet_longest) : "none");
  const bool new_ = ev.has_quiet && sum.longest->length >= std::chrono::milliseconds(100) && sum.longest->length > 5 * sum.quiet_longest;
  if (new_) return speaks_for("blocked", "blocked: " + described(ev, *sum.longest), 0.55 + std::min(0.25, to_seconds(sum.longest->length) / 10), figures, "fdr show BUNDLE stalls");
  if (sum.longest->length < std::chrono::milliseconds(50)) return speaks_against("blocked", title, figures);
  return not_measurable("blocked", title, figures + ": not clearly longer than before");
}

Finding slow_calls(const Evidence& ev) {
  const char* title = "slow calls: a call that took far longer than before";
  std::map<std::string, std::pair<Duration, Duration>> longest;  // by call and subject: quiet, incident
  for (const DetailedCall& detail : ev.view.timeline.slow) {
    if (!ev.view.wants_thread(detail.call.thread)) continue;
    const Side side = ev.side(detail.call.begin, detail.call.wall);
    if (side == Side::kNeither) continue;
    auto& [quiet, incident] = longest[syscall_name(detail.call.number, detail.call.abi) + " " + printable(detail.subject)];
    (side == Side::kQuiet ? quiet : incident) = std::max(side == Side::kQuiet ? quiet : incident, detail.call.wall);
  }
  const std::pair<Duration, Duration>* most = nullptr;
  std::string what;
  for (const auto& [name, lengths] : longest)
    if (lengths.second > Duration{0} && (!most || lengths.second > most->second)) most = &lengths, what = name;
  if (!most) return speaks_against("slow-calls", title, "0 since the onset");
  const std::string figures = fmt::format("{} took {}; before {}", cut(what, 80), duration_text(most->second), most->first > Duration{0} ? duration_text(most->first) : "none was slow");
  if (ev.has_quiet && most->second >= std::chrono::milliseconds(200) && most->second > 5 * most->first)
    return speaks_for("slow-calls", "slow call: " + cut(what, 60), 0.5, figures, "fdr show BUNDLE slow");
  if (most->second < std::chrono::milliseconds(100)) return speaks_against("slow-calls", title, figures, "fdr show BUNDLE slow");
  return not_measurable("slow-calls", title, figures);
}

}  // namespace

Findings find_stalls(const Evidence& ev) { return {disk(ev), blocked(ev), slow_calls(ev)}; }

}  // namespace fdr

// The network as a suspect: segments that TCP had to send again, connections that found the queue of a listener full, and
// whether simply more visitors came than before.
#include <fmt/format.h>

#include "formats/findings/families.hpp"
#include "formats/table.hpp"

namespace fdr {
namespace {

Finding retransmits(const Evidence& ev) {
  const char* title = "packet loss: TCP segments resent (retransmits)";
  const Change resent = ev.change("host.net.tcp.retransmits");
  if (!resent.known) return not_measurable("packet-loss", title, "host.net.tcp.retransmits was not recorded");
  std::string figures = "TCP resent " + per_second(resent.incident);
  if (resent.compared) figures += ", before " + per_second(resent.quiet);
  if (resent.incident >= 20 && resent.grew(3, 10)) return speaks_for("packet-loss", title, 0.6, figures, "fdr show BUNDLE metrics");
  if (resent.incident < 20) return speaks_against("packet-loss", title, figures);
  return not_measurable("packet-loss", title, figures);
}

Finding listen_queue(const Evidence& ev) {
  const char* title = "listen queue: callers turned away because a listener is full";
  const Change lost = ev.change("host.net.tcp.listen_overflows");
  if (!lost.known) return not_measurable("listen-queue", title, "host.net.tcp.listen_overflows was not recorded");
  const std::string figures = fmt::format("listen overflows {} before, {} since", per_second(lost.quiet), per_second(lost.incident));
  if (lost.incident * ev.incident_s >= 3 && lost.grew(2, 0.2)) return speaks_for("listen-queue", title, 0.7, figures, "fdr show BUNDLE metrics");
  if (lost.incident * ev.incident_s < 1) return speaks_against("listen-queue", title, figures);
  return not_measurable("listen-queue", title, figures);
}

// Accepted connections: what came from outside, whatever became of it.
Finding traffic(const Evidence& ev) {
  const char* title = "load from outside: more connections accepted than before";
  const CallChange accepts = ev.calls_named({"accept", "accept4"});
  const std::uint64_t quiet = accepts.quiet - std::min(accepts.quiet, accepts.quiet_errors), since = accepts.incident - std::min(accepts.incident, accepts.incident_errors);
  if (!ev.has_calls()) return not_measurable("traffic", title, "system calls were not summed");
  if (!ev.has_quiet) return not_measurable("traffic", title, "no quiet part to compare with");
  if (quiet + since < 10) return not_measurable("traffic", title, fmt::format("{} connections were accepted in this window: requests that come over older ones are not told apart", quiet + since));
  const double before = ev.quiet_rate(quiet), now = ev.rate(since);
  const std::string figures = fmt::format("accepted connections {} before, {} since", per_second(before), per_second(now));
  if (now > 2 * before + 2 && since >= 10) return speaks_for("traffic", title, 0.45, figures, "fdr show BUNDLE syscalls");
  if (now <= 1.3 * before + 0.5) return speaks_against("traffic", title, figures);
  return not_measurable("traffic", title, figures + ": more, not far more");
}

}  // namespace

Findings find_network(const Evidence& ev) { return {retransmits(ev), listen_queue(ev), traffic(ev)}; }

}  // namespace fdr

#include "formats/report/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace fdr {
namespace {

// A filter's seconds may be anything a command line holds; a Timestamp may not overflow.
Timestamp moved(Timestamp base, double seconds) {
  if (!(std::abs(seconds) < 1e9)) return seconds < 0 ? Timestamp::min() : Timestamp::max();
  return base + from_seconds(seconds);
}

}  // namespace

View::View(const Manifest& m, const Timeline& t, const FrameNames& names, const ShowFilter& filter)
    : manifest(m), timeline(t), labels(t, names), filter_(filter), fired_(Duration{m.trigger.monotonic_ns}) {
  const bool known = t.end > t.begin;
  from_ = filter.from_s ? moved(fired_, *filter.from_s) : known ? t.begin : Timestamp::min();
  to_ = filter.to_s ? moved(fired_, *filter.to_s) : known ? t.end : Timestamp::max();
  has_targets_ =
      std::any_of(t.processes.begin(), t.processes.end(), [](const Process& p) { return !p.target.empty(); });
}

bool View::wants_process(std::uint32_t index) const {
  const Process* process = process_at(timeline, index);
  if (filter_.pid) return process && process->pid == *filter_.pid;
  if (filter_.thread) return true;
  // Records of no known process are the targets' too: they found no room in a table that only targets fill.
  return !process || !has_targets_ || !process->target.empty();
}

bool View::wants_thread(std::uint32_t index) const {
  const Thread* thread = thread_at(timeline, index);
  if (filter_.thread && (!thread || thread->tid != *filter_.thread)) return false;
  return wants_process(thread ? thread->process : kNoIndex);
}

bool View::passes_filter(std::uint32_t index) const {
  if (filter_.pid || filter_.thread) return wants_thread(index);
  return true;
}

std::string relative_text(double seconds) { return fmt::format("{:+.3f} s", seconds); }

}  // namespace fdr

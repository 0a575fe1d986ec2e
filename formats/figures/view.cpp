#include "formats/figures/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace fdr {
namespace {

// Times of a damaged bundle and seconds of a command line may be anything; within these bounds (95 and 31 years) no sum
// or difference of two overflows.
constexpr Timestamp kFirst{Duration{-3'000'000'000'000'000'000}}, kLast{Duration{3'000'000'000'000'000'000}};
constexpr double kMostSeconds = 1e9;

Timestamp bounded(Timestamp time) { return std::clamp(time, kFirst, kLast); }
Timestamp moved(Timestamp base, double seconds) {
  if (std::isnan(seconds)) return base;
  return base + from_seconds(std::clamp(seconds, -kMostSeconds, kMostSeconds));
}

}  // namespace

View::View(const Manifest& m, const Timeline& t, const FrameNames& names, const ShowFilter& filter)
    : manifest(m),
      timeline(t),
      labels(t, names),
      filter_(filter),
      fired_(bounded(Timestamp{Duration{m.trigger.monotonic_ns}})) {
  const bool known = t.end > t.begin;
  from_ = filter.from_s ? moved(fired_, *filter.from_s) : known ? bounded(t.begin) : kFirst;
  to_ = filter.to_s ? moved(fired_, *filter.to_s) : known ? bounded(t.end) : kLast;
  has_targets_ =
      std::any_of(t.processes.begin(), t.processes.end(), [](const Process& p) { return !p.target.empty(); });
}

bool View::in_range(Timestamp begin, Duration length) const {
  return begin <= to_ && bounded(begin) + std::clamp(length, Duration{0}, Duration{kLast - Timestamp{}}) >= from_;
}

// Divided, not multiplied by 1e-9: -1.2 stays the double that prints as -1.2.
double View::at(Timestamp time) const { return static_cast<double>((bounded(time) - fired_).count()) / 1e9; }

std::string View::utc(Timestamp time) const { return utc_text(timeline.anchor.realtime_of(bounded(time))); }

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

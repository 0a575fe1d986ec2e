#include "recorder/window/coverage.hpp"

#include <algorithm>

namespace fdr {

const char* backend_name(std::uint32_t backend) {
  static constexpr std::array<const char*, FDR_BACKENDS> kNames = {"bpf", "perf", "proc"};
  return backend < kNames.size() ? kNames[backend] : "unknown";
}

std::uint64_t missed_ticks(const WindowView& window, std::uint64_t clock_period_ns) {
  std::uint64_t missed = 0;
  for (std::uint32_t slot = 0; slot < window.layout.slots; ++slot) {
    const fdr_cpu& cpu = window.cpus[slot];
    const std::uint64_t busy_ns = cpu.counter_ns > cpu.idle_ns ? cpu.counter_ns - cpu.idle_ns : 0;
    const std::uint64_t due = busy_ns / clock_period_ns;
    if (due > cpu.ticks_run) missed += due - cpu.ticks_run;
  }
  return missed;
}

std::map<std::string, RingReport> live_reports(const WindowView& window, const RecordedSince& known, Timestamp now) {
  std::map<std::string, RingReport> reports;
  const std::uint32_t lacks = window.control->lacks;
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    if (lacks >> ring & 1) continue;
    RingReport& report = reports[kRingNames[ring]];
    std::uint64_t since = static_cast<std::uint64_t>(to_ns(known.armed_at));
    for (std::uint32_t slot = 0; slot < window.layout.slots; ++slot) {
      const fdr_cursor& cursor = window.cursor(ring, slot);
      report.recorded += cursor.recorded;
      report.dropped += cursor.dropped + cursor.limited;
      if (cursor.seq > window.layout.chunks[ring])
        since = std::max(since, window.chunk(ring, slot, cursor.seq - window.layout.chunks[ring] + 1)->first_ns);
    }
    report.asked_s = to_seconds(known.span);
    report.obtained_s = std::min(report.asked_s, to_seconds(now - from_ns(since)));
  }
  if (const auto stacks = reports.find("stacks"); stacks != reports.end()) stacks->second.missed = missed_ticks(window, known.clock_period_ns);
  reports["life"].missed = known.life_missed;
  if (lacks & FDR_LACKS_SUMS) return reports;
  RingReport& summary = reports["summary"];
  summary.asked_s = to_seconds(known.span);
  summary.obtained_s = std::min(summary.asked_s, to_seconds(now - known.summary_begin));
  summary.recorded = summary.kept = known.summary_rows;
  summary.dropped = window.control->slots_exhausted;
  return reports;
}

std::map<std::string, RingReport> ring_reports(const RingFacts& facts, const DecodeCounts& counts) {
  std::map<std::string, RingReport> reports = facts.live;
  const double asked = to_seconds(facts.before + (facts.second.at - facts.first.at));
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    const auto recorded = reports.find(kRingNames[ring]);
    if (recorded == reports.end()) continue;
    RingReport& report = recorded->second;
    // What the first snapshot held up to the firing, and what the second held of the time since.
    const Timestamp from_first = std::max({facts.begin, facts.armed_at, from_ns(facts.first.covers_since_ns[ring])});
    const Timestamp from_second = std::max(facts.first.at, from_ns(facts.second.covers_since_ns[ring]));
    const Duration obtained = std::max(Duration{}, facts.first.at - from_first) + std::max(Duration{}, facts.second.at - from_second);
    report.asked_s = asked;
    report.obtained_s = std::min(asked, to_seconds(obtained));
    report.kept = counts.kept[ring];
    report.torn = counts.torn[ring] + counts.overtaken[ring];
    report.overwritten = report.recorded > counts.seen[ring] ? report.recorded - counts.seen[ring] : 0;
  }
  const auto sums = reports.find("summary");
  if (sums == reports.end()) return reports;
  RingReport& summary = sums->second;
  summary.asked_s = asked;
  summary.obtained_s = std::clamp(to_seconds(std::min(facts.second.at, facts.summary_end) - std::max(facts.begin, facts.summary_begin)), 0.0, asked);
  return reports;
}

}  // namespace fdr

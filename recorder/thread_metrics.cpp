#include "recorder/thread_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fdr {

ThreadMetrics::ThreadMetrics(const MetricCatalogue& catalogue)
    : calls_(catalogue.find("process.syscalls")),
      errors_(catalogue.find("process.syscalls.errors")),
      demand_(catalogue.find("process.cpu.demand")),
      busiest_(catalogue.find("thread.cpu.max")) {
  std::fill(std::begin(values_), std::end(values_), std::numeric_limits<double>::quiet_NaN());
}

void ThreadMetrics::read(const fdr_thread* threads, std::span<const std::uint32_t> live, std::span<const fdr_thread> ended, Timestamp now,
                         std::span<double> row) {
  const auto demand_of = [](const fdr_thread& t) { return t.cpu_ns + (t.run_delay_ns - t.run_delay_base); };
  for (const fdr_thread& thread : ended) {
    dead_.calls += thread.calls;
    dead_.errors += thread.call_errors;
    dead_.demand_ns += demand_of(thread);
  }
  if (live.size() <= kEachTick || now - last_ >= std::chrono::seconds(1)) {
    last_ = now;
    Sums sums = dead_;
    Moment moment{now, 0, {}};
    moment.cpu_by_thread.reserve(live.size());
    for (const std::uint32_t slot : live) {
      const fdr_thread& thread = threads[slot];
      sums.calls += thread.calls;
      sums.errors += thread.call_errors;
      sums.demand_ns += demand_of(thread);
      moment.cpu_by_thread.emplace(thread.id, thread.cpu_ns);
    }
    moment.demand_ns = sums.demand_ns;
    while (second_.size() > 1 && now - second_[1].time >= std::chrono::seconds(1)) second_.pop_front();
    values_[0] = static_cast<double>(sums.calls);
    values_[1] = static_cast<double>(sums.errors);
    if (!second_.empty() && now - second_.front().time >= std::chrono::milliseconds(900)) {
      const Moment& before = second_.front();
      const double interval = static_cast<double>((now - before.time).count());
      const auto percent = [&](std::uint64_t after, std::uint64_t earlier) {
        return after > earlier ? 100.0 * static_cast<double>(after - earlier) / interval : 0.0;
      };
      values_[2] = percent(moment.demand_ns, before.demand_ns);
      values_[3] = 0;
      for (const auto& [id, cpu] : moment.cpu_by_thread) {
        const auto earlier = before.cpu_by_thread.find(id);
        values_[3] = std::max(values_[3], percent(cpu, earlier == before.cpu_by_thread.end() ? 0 : earlier->second));
      }
    }
    second_.push_back(std::move(moment));
  }
  const std::optional<MetricId> ids[] = {calls_, errors_, demand_, busiest_};
  for (std::size_t i = 0; i < 4; ++i)
    if (ids[i]) row[*ids[i]] = values_[i];
}

}  // namespace fdr

#include "recorder/metrics/thread_metrics.hpp"

#include <algorithm>
#include <limits>

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kSecond = std::chrono::seconds(1), kAlmostASecond = std::chrono::milliseconds(900);
constexpr Duration kBetweenSums = std::chrono::milliseconds(950);  // ticks are a little early as often as late

double percent(std::uint64_t after, std::uint64_t before, Duration interval) {
  return after > before ? 100.0 * static_cast<double>(after - before) / static_cast<double>(interval.count()) : 0.0;
}

}  // namespace

void ThreadMetrics::Sums::add(const fdr_thread& thread) {
  calls += thread.calls;
  errors += thread.call_errors;
  ran_ns += thread.cpu_ns;
  waited_ns += thread.run_delay_ns - thread.run_delay_base;
}

ThreadMetrics::ThreadMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names)
    : busiest_id_(catalogue.find("thread.cpu.max")), busiest_(kUnknown) {
  for (std::size_t i = 0; i <= target_names.size(); ++i) {
    const std::string prefix = i < target_names.size() ? "process[" + target_names[i] + "]." : "process.";
    trees_.push_back({.calls_id = catalogue.find(prefix + "syscalls"),
                      .errors_id = catalogue.find(prefix + "syscalls.errors"),
                      .demand_id = catalogue.find(prefix + "cpu.demand"),
                      .wait_id = catalogue.find(prefix + "cpu.wait"),
                      .dead = {},
                      .sums = {},
                      .calls = {},
                      .errors = {},
                      .demand = kUnknown,
                      .wait = kUnknown});
  }
}

void ThreadMetrics::sum_up(const fdr_thread* threads, std::span<const std::uint32_t> live, Timestamp now) {
  Moment moment{now, {}, {}, {}};
  moment.cpu_by_thread.reserve(live.size());
  for (Tree& tree : trees_) tree.sums = tree.dead;
  for (const std::uint32_t slot : live) {
    const fdr_thread& thread = threads[slot];
    each_tree(thread.target, [&](Tree& tree) { tree.sums.add(thread); });
    moment.cpu_by_thread.emplace(thread.id, thread.cpu_ns);
  }
  for (const Tree& tree : trees_) moment.ran_ns.push_back(tree.sums.ran_ns), moment.waited_ns.push_back(tree.sums.waited_ns);
  while (second_.size() > 1 && now - second_[1].time >= kSecond) second_.pop_front();
  if (!second_.empty() && now - second_.front().time >= kAlmostASecond) {
    const Moment& before = second_.front();
    const Duration interval = now - before.time;
    for (std::size_t i = 0; i < trees_.size(); ++i) {
      trees_[i].wait = percent(moment.waited_ns[i], before.waited_ns[i], interval);
      trees_[i].demand = percent(moment.ran_ns[i] + moment.waited_ns[i], before.ran_ns[i] + before.waited_ns[i], interval);
    }
    busiest_ = 0;
    for (const auto& [id, cpu] : moment.cpu_by_thread) {
      const auto earlier = before.cpu_by_thread.find(id);
      busiest_ = std::max(busiest_, percent(cpu, earlier == before.cpu_by_thread.end() ? 0 : earlier->second, interval));
    }
  }
  second_.push_back(std::move(moment));
}

void ThreadMetrics::read(const fdr_thread* threads, std::span<const std::uint32_t> live, std::span<const fdr_thread> ended, std::uint32_t lacks,
                         Timestamp now, std::span<double> row) {
  for (const fdr_thread& thread : ended) each_tree(thread.target, [&](Tree& tree) { tree.dead.add(thread); });
  const bool each_tick = live.size() <= kEachTick;
  if (each_tick || now - last_ >= kBetweenSums) {
    last_ = now;
    sum_up(threads, live, now);
    for (Tree& tree : trees_) {
      const auto learn = each_tick ? &StraightLine::follow : &StraightLine::learn;
      (tree.calls.*learn)(now, static_cast<double>(tree.sums.calls));
      (tree.errors.*learn)(now, static_cast<double>(tree.sums.errors));
    }
  }
  const auto set = [&](const std::optional<MetricId>& id, double value) {
    if (id) row[*id] = value;
  };
  for (const Tree& tree : trees_) {
    if (!(lacks & FDR_LACKS_SUMS)) {
      set(tree.calls_id, tree.calls.at(now));
      set(tree.errors_id, tree.errors.at(now));
    }
    if (!(lacks & FDR_LACKS_WAITS)) set(tree.demand_id, tree.demand), set(tree.wait_id, tree.wait);
  }
  set(busiest_id_, busiest_);
}

}  // namespace fdr

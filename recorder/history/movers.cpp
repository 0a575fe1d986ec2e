#include "recorder/history/movers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "formats/history_code.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/system/proc_text.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "recorder/targets/process_text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostAtATick = 16;

}  // namespace

void MoverTable::saw(const Reading& reading, Timestamp now) {
  if (now_.size() == kMostProcesses) return;
  const Identity identity{reading.pid, reading.start_ticks};
  if (!now_.try_emplace(identity, Known{reading.cpu_s, reading.io_bytes, now}).second) return;
  HistoryMovers::Process process{.name = reading.comm, .pid = reading.pid, .rss_bytes = history_rounded(reading.rss_bytes)};
  const auto known = before_.find(identity);
  // A process that is new has done all of it since the look before.
  const Known then = known != before_.end() ? known->second : Known{0, 0, last_};
  const double seconds = to_seconds(now - then.at);
  if (last_ != Timestamp{} && seconds > 0) {
    process.cpu_percent = history_rounded(100 * std::max(0.0, reading.cpu_s - then.cpu_s) / seconds);
    process.io_bytes_s = history_rounded(std::max(0.0, reading.io_bytes - then.io_bytes) / seconds);
  }
  seen_.push_back(std::move(process));
}

void MoverTable::ended(std::int32_t pid, std::string comm, double cpu_s) {
  if (ended_.size() < kMostProcesses) ended_.emplace_back(HistoryMovers::Process{.name = std::move(comm), .pid = pid, .ended = true}, cpu_s);
}

HistoryMovers MoverTable::look(Timestamp now, std::int64_t realtime_ns) {
  const Duration span = last_ == Timestamp{} ? Duration{} : now - last_;
  for (auto& [process, cpu_s] : ended_) {
    if (span <= Duration{}) break;
    process.cpu_percent = history_rounded(100 * cpu_s / to_seconds(span));
    seen_.push_back(std::move(process));
  }
  HistoryMovers movers{.time_ns = realtime_ns, .span = span, .processes = {}};
  std::set<std::size_t> chosen;
  for (const auto kind : {&HistoryMovers::Process::cpu_percent, &HistoryMovers::Process::rss_bytes, &HistoryMovers::Process::io_bytes_s}) {
    std::vector<std::size_t> order(seen_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const std::size_t most = std::min(kMostOfAKind, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(most), order.end(),
                      [&](std::size_t a, std::size_t b) { return seen_[a].*kind > seen_[b].*kind; });
    for (std::size_t i = 0; i < most; ++i)
      if (seen_[order[i]].*kind > 0) chosen.insert(order[i]);
  }
  static_assert(3 * kMostOfAKind <= kMaxMovers);
  for (const std::size_t i : chosen) movers.processes.push_back(std::move(seen_[i]));
  std::stable_sort(movers.processes.begin(), movers.processes.end(), [](const auto& a, const auto& b) { return a.cpu_percent > b.cpu_percent; });
  before_ = std::exchange(now_, {});
  seen_.clear();
  ended_.clear();
  last_ = now;
  return movers;
}

void MoverWatch::read(std::int32_t pid, Timestamp now) {
  static const long kTicks = ::sysconf(_SC_CLK_TCK), kPage = ::sysconf(_SC_PAGESIZE);
  const auto stat = parse_pid_stat(read_small_file(fmt::format("/proc/{}/stat", pid), 4096).value_or(""), kTicks, kPage);
  if (!stat) return;
  MoverTable::Reading reading{.pid = pid, .start_ticks = stat->start_ticks, .comm = stat->comm, .cpu_s = stat->user_s + stat->system_s, .rss_bytes = static_cast<double>(stat->rss_bytes)};
  // A kernel thread's disk traffic is not its own.
  if (stat->rss_bytes > 0)
    for_each_field(read_small_file(fmt::format("/proc/{}/io", pid), 4096).value_or(""), [&](std::string_view name, double value) {
      if (name == "read_bytes" || name == "write_bytes") reading.io_bytes += value;
    });
  table_.saw(reading, now);
}

void MoverWatch::find_ended(const Ticks& ticks) {
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> seen;
  for (const auto& [tgid, entry] : ticks) {
    const auto identity = std::pair(tgid, std::uint64_t{entry.start_boottime});
    const auto known = ticks_before_.find(identity);
    const std::uint64_t before = known == ticks_before_.end() ? 0 : known->second;
    seen[identity] = entry.ticks;
    if (first_ || living_.contains(static_cast<std::int32_t>(tgid)) || entry.ticks <= before) continue;
    table_.ended(static_cast<std::int32_t>(tgid), std::string(entry.comm, ::strnlen(entry.comm, sizeof entry.comm)), to_seconds(tick_) * static_cast<double>(entry.ticks - before));
  }
  ticks_before_ = std::move(seen);
}

std::optional<HistoryMovers> MoverWatch::advance(Timestamp now, const std::function<Ticks()>& ticks) {
  budget_.advance(now);
  if (!looking_) {
    if (now < next_ || !budget_.may_spend()) return std::nullopt;
    const Duration begin = thread_cpu_time();
    next_ = now + kEvery;
    left_ = all_pids();
    living_ = {left_.begin(), left_.end()};
    looking_ = true;
    budget_.spent(thread_cpu_time() - begin);
    return std::nullopt;
  }
  const Duration begin = thread_cpu_time();
  for (std::size_t i = 0; i < kMostAtATick && !left_.empty() && budget_.may_spend(thread_cpu_time() - begin); ++i) {
    read(left_.back(), now);
    left_.pop_back();
  }
  std::optional<HistoryMovers> movers;
  if (left_.empty()) {
    find_ended(ticks());
    movers = table_.look(now, ClockAnchor::now().realtime_of(now));
    looking_ = false;
    if (std::exchange(first_, false)) movers.reset();  // nothing to compare with
  }
  budget_.spent(thread_cpu_time() - begin);
  return movers;
}

}  // namespace fdr

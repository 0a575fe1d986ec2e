#include "recorder/targets/lost_ends.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "recorder/targets/task_files.hpp"

namespace fdr {
namespace {

constexpr Duration kSoon = std::chrono::seconds(1), kSeldom = std::chrono::seconds(5);
constexpr std::size_t kAskedAtOnce = 128;           // processes: /proc takes 15 us for one that lives
constexpr std::uint64_t kSlackNs = 1'000'000'000;   // of a start: /proc says it to a tick, and a backend may have put it together of two clocks

fdr_life exit_record(std::uint32_t id, std::uint32_t tid, std::uint32_t tgid, std::uint32_t target, std::uint64_t start, Timestamp time) {
  fdr_life event{};
  event.head = {.ns = static_cast<std::uint64_t>(to_ns(time)), .thread = id, .len8 = static_cast<fdr_u16>(offsetof(fdr_life, path) / 8), .kind = FDR_LIFE_EXIT};
  event.tid = tid;
  event.tgid = tgid;
  event.start_boottime = start;
  event.target = target;
  event.exit_code = FDR_EXIT_UNKNOWN;
  return event;
}

fdr_life end_of(const fdr_thread& thread, Timestamp time) {
  fdr_life event = exit_record(thread.id, thread.tid, thread.tgid, thread.target, thread.start_boottime, time);
  std::memcpy(event.comm, thread.comm, sizeof event.comm);
  return event;
}

// Of a process that has no slot.
fdr_life end_of(const Process& process, const std::vector<std::string>& targets, Timestamp time) {
  const auto pid = static_cast<std::uint32_t>(process.pid);
  const auto target = static_cast<std::uint32_t>(std::find(targets.begin(), targets.end(), process.target) - targets.begin());
  fdr_life event = exit_record(0, pid, pid, target, process.start_boottime_ns, time);
  std::memcpy(event.comm, process.name.data(), std::min(process.name.size(), sizeof event.comm - 1));
  return event;
}

// When whoever has this number now was started; 0: he does not let us know. Nothing where it is nobody, or a process of which no thread is left.
std::optional<std::uint64_t> start_of_living(std::int32_t pid) {
  if (::kill(pid, 0) && errno == ESRCH) return std::nullopt;
  const auto stat = task_stat(pid, pid);
  if (!stat) return 0;
  // A leader may end before its other threads.
  if ((stat->state == 'Z' || stat->state == 'X') && threads_of(pid).size() <= 1) return std::nullopt;
  return stat->start_boottime_ns;
}

}  // namespace

void LostEnds::disown_slots(std::vector<fdr_life>& life, const WindowView& window) {
  for (fdr_life& event : life) {
    const std::uint32_t slot = event.head.thread & FDR_THREAD_SLOT_MASK;
    if (event.head.kind != FDR_LIFE_EXIT || !event.head.thread || slot >= window.layout.threads) continue;
    const fdr_thread& occupant = window.threads[slot];
    if (occupant.id != event.head.thread || !(occupant.flags & FDR_THREAD_USED)) event.head.thread = 0;
  }
}

std::vector<fdr_life> LostEnds::look(const WindowView& window, const ProcessTable& table, std::uint64_t losses, Timestamp now) {
  const bool hurry = losses != losses_ || !marked_.empty() || !gone_.empty();
  if (now - looked_ < (hurry ? kSoon : kSeldom)) return {};
  looked_ = now;
  losses_ = losses;
  std::vector<fdr_life> ends = marked(window, now);
  const std::vector<fdr_life> processes = gone(window, table, now);
  ends.insert(ends.end(), processes.begin(), processes.end());
  return ends;
}

std::vector<fdr_life> LostEnds::marked(const WindowView& window, Timestamp now) {
  std::vector<fdr_life> ends;
  std::unordered_set<std::uint32_t> found;
  for (std::uint32_t slot = 0; slot < window.layout.threads; ++slot) {
    const fdr_thread& thread = window.threads[slot];
    if (!(thread.flags & FDR_THREAD_USED) || !(thread.flags & FDR_THREAD_EXITED)) continue;
    if (!marked_.contains(thread.id)) found.insert(thread.id);
    else ends.push_back(end_of(thread, std::min(from_ns(thread.on_ns), now)));  // it accounted for itself up to its end
  }
  marked_ = std::move(found);
  return ends;
}

std::vector<fdr_life> LostEnds::gone(const WindowView& window, const ProcessTable& table, Timestamp now) {
  std::map<std::int32_t, std::vector<std::uint32_t>> slots;  // of processes that are held to live
  for (const std::int32_t pid : table.live_pids()) slots[pid];
  for (std::uint32_t slot = 0; slot < window.layout.threads; ++slot) {
    const fdr_thread& thread = window.threads[slot];
    if (thread.flags & FDR_THREAD_USED && !(thread.flags & FDR_THREAD_EXITED)) slots[static_cast<std::int32_t>(thread.tgid)].push_back(slot);
  }
  std::set<std::int32_t> asked = std::exchange(gone_, {}), found_before = asked;
  auto next = slots.upper_bound(asked_);
  for (std::size_t i = 0; i < std::min(kAskedAtOnce, slots.size()); ++i, ++next) {
    if (next == slots.end()) next = slots.begin();
    asked.insert(asked_ = next->first);
  }
  std::vector<fdr_life> ends;
  for (const std::int32_t pid : asked) {
    if (pid <= 0) continue;
    const auto start = start_of_living(pid);
    const auto is_gone = [&](std::uint64_t recorded) { return !start || (recorded && *start > recorded + kSlackNs); };
    std::vector<fdr_life> of_process;
    for (const std::uint32_t slot : slots[pid])
      if (is_gone(window.threads[slot].start_boottime)) of_process.push_back(end_of(window.threads[slot], now));
    if (const auto key = table.live_process(pid)) {
      const Process& process = table.processes().at(*key).process;
      if (is_gone(process.start_boottime_ns)) {
        if (of_process.empty()) of_process.push_back(end_of(process, table.target_names(), now));
        of_process.back().group_dead = 1;
      }
    }
    if (of_process.empty()) continue;
    if (found_before.contains(pid)) ends.insert(ends.end(), of_process.begin(), of_process.end());
    else gone_.insert(pid);
  }
  return ends;
}

}  // namespace fdr

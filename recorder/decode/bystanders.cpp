#include "recorder/decode/bystanders.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace fdr {
namespace {

constexpr int kGenerations = 4;  // of parents
constexpr std::int64_t kSameStart_ns = 20'000'000;  // /proc says the start to a tick of 10 ms

std::string fixed_text(const char* text, std::size_t room) { return std::string(text, ::strnlen(text, room)); }

std::optional<Timestamp> started_within(std::uint64_t start_boottime_ns, Timestamp begin, const ClockAnchor& clock) {
  const Timestamp start = clock.monotonic_of_boottime(static_cast<std::int64_t>(start_boottime_ns));
  return start >= begin ? std::optional(start) : std::nullopt;
}

}  // namespace

bool Bystanders::ended(std::span<const std::uint8_t> record) {
  fdr_bystander event{};
  if (record.size() != sizeof event) return false;
  std::memcpy(&event, record.data(), sizeof event);
  ended_.push_back(event);
  return true;
}

void Bystanders::finish(const std::vector<LivingProcess>& living, const std::vector<std::pair<std::uint32_t, fdr_ticks>>& ticks, Timestamp begin,
                        const ClockAnchor& clock, std::vector<Process>& processes) const {
  std::set<std::int32_t> listed;
  for (const Process& process : processes)
    if (!process.ended) listed.insert(process.pid);

  std::vector<const fdr_bystander*> newest;
  for (const fdr_bystander& event : ended_) newest.push_back(&event);
  std::stable_sort(newest.begin(), newest.end(), [](const auto* a, const auto* b) { return a->head.ns > b->head.ns; });
  if (newest.size() > kMost) newest.resize(kMost);
  std::vector<Process> rows;
  for (const fdr_bystander* event : newest) {
    Process process;
    process.pid = static_cast<std::int32_t>(event->tgid);
    process.parent = static_cast<std::int32_t>(event->parent_tgid);
    process.start_boottime_ns = event->start_boottime;
    process.name = fixed_text(event->comm, sizeof event->comm);
    process.executable = fixed_text(event->file, sizeof event->file);
    process.started = started_within(event->start_boottime, begin, clock);
    process.ended = from_ns(event->head.ns);
    process.wait_status = event->exit_code;
    rows.push_back(std::move(process));
  }

  std::map<std::int32_t, const LivingProcess*> by_pid;
  for (const LivingProcess& process : living) by_pid.emplace(process.pid, &process);
  const auto add = [&](std::int32_t pid) {
    const auto found = by_pid.find(pid);
    if (found == by_pid.end() || rows.size() >= 2 * kMost || !listed.insert(pid).second) return;
    const LivingProcess& alive = *found->second;
    Process process;
    process.pid = pid;
    process.parent = alive.parent;
    process.start_boottime_ns = alive.start_boottime_ns;
    process.name = alive.name;
    process.started = started_within(alive.start_boottime_ns, begin, clock);
    rows.push_back(std::move(process));
  };
  for (const auto& [pid, alive] : by_pid)
    if (started_within(alive->start_boottime_ns, begin, clock)) add(pid);
  for (const auto& [tgid, entry] : ticks) {
    const auto found = by_pid.find(static_cast<std::int32_t>(tgid));
    if (found == by_pid.end() || from_ns(entry.last_ns) < begin) continue;
    const auto apart = static_cast<std::int64_t>(entry.start_boottime - found->second->start_boottime_ns);
    if (apart < kSameStart_ns && apart > -kSameStart_ns) add(found->first);
  }
  // Who they belong to: of the targets too.
  std::vector<std::int32_t> generation;
  for (const auto* table : {&processes, &rows})
    for (const Process& process : *table) generation.push_back(process.parent);
  for (int i = 0; i < kGenerations; ++i) {
    std::vector<std::int32_t> next;
    for (const std::int32_t pid : std::set<std::int32_t>(generation.begin(), generation.end())) {
      add(pid);
      if (const auto found = by_pid.find(pid); found != by_pid.end()) next.push_back(found->second->parent);
    }
    generation = std::move(next);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Process& a, const Process& b) { return a.start_boottime_ns < b.start_boottime_ns; });
  processes.insert(processes.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
}

}  // namespace fdr

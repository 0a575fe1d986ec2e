#include "recorder/targets/process_table.hpp"

#include <algorithm>
#include <cstring>
#include <set>

namespace fdr {
namespace {

std::string fixed_text(const char* text, std::size_t room) { return std::string(text, strnlen(text, room)); }

// An address space that one process owns alone, to be changed.
AddressSpace& own_space(TrackedProcess& process) {
  std::shared_ptr<AddressSpace>& space = process.spaces.back().space;
  if (space.use_count() > 1) space = std::make_shared<AddressSpace>(*space);
  return *space;
}

// Whether a fork that is told of is that of a later process of the same number, and not of one that was found before it was told of. Starts of
// backends that put them together of two clocks are this far apart at most.
bool is_another(const Process& known, const fdr_life& fork) {
  constexpr std::uint64_t kSlackNs = 1'000'000'000;
  return known.start_boottime_ns && fork.start_boottime > known.start_boottime_ns + kSlackNs;
}

}  // namespace

std::shared_ptr<AddressSpace> TrackedProcess::space_at(Timestamp time) const {
  for (auto space = spaces.rbegin(); space != spaces.rend(); ++space)
    if (space->since <= time) return space->space;
  return spaces.empty() ? nullptr : spaces.front().space;
}

void ProcessTable::Changes::append(Changes more) {
  armed.insert(armed.end(), more.armed.begin(), more.armed.end());
  released.insert(released.end(), more.released.begin(), more.released.end());
  exits.insert(exits.end(), more.exits.begin(), more.exits.end());
  started.insert(started.end(), more.started.begin(), more.started.end());
  execed.insert(execed.end(), more.execed.begin(), more.execed.end());
  mapped |= more.mapped;
}

std::set<std::int32_t> ProcessTable::live_pids() const {
  std::set<std::int32_t> pids;
  for (const auto& [pid, key] : live_) pids.insert(pid);
  return pids;
}

std::optional<std::uint64_t> ProcessTable::live_process(std::int32_t pid) const {
  const auto found = live_.find(pid);
  if (found == live_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t ProcessTable::begin_process(std::int32_t pid, std::int32_t parent, std::uint64_t start_boottime, std::uint32_t target) {
  if (processes_.size() >= kMaxProcesses) {
    // The first that has ended makes room: its records keep their thread's name.
    ++refused_;
    const auto ended = std::find_if(processes_.begin(), processes_.end(), [](const auto& entry) { return entry.second.process.ended.has_value(); });
    const auto victim = ended == processes_.end() ? processes_.begin() : ended;
    const auto alive = live_.find(victim->second.process.pid);  // maybe another one by now, of the same pid
    if (alive != live_.end() && alive->second == victim->first) live_.erase(alive);
    processes_.erase(victim);
  }
  const std::uint64_t key = next_key_++;
  TrackedProcess& tracked = processes_[key];
  tracked.process.pid = pid;
  tracked.process.parent = parent;
  tracked.process.start_boottime_ns = start_boottime;
  tracked.process.target = target < target_names_.size() ? target_names_[target] : "";
  live_[pid] = key;
  return key;
}

void ProcessTable::add_existing(std::int32_t pid, std::uint32_t target, const std::vector<Mapping>& maps, Timestamp now) {
  auto key = live_process(pid);
  if (!key) key = begin_process(pid, 0, 0, target);
  ++revision_;
  TrackedProcess& tracked = processes_[*key];
  if (tracked.spaces.empty()) tracked.spaces.push_back({Timestamp{}, std::make_shared<AddressSpace>()});
  AddressSpace& space = own_space(tracked);
  // Where there are more than find room one of each file comes first, then the largest; the space counts those that it refuses.
  std::vector<const Mapping*> order;
  for (const Mapping& mapping : maps) order.push_back(&mapping);
  if (order.size() > AddressSpace::kMaxMappings) {
    std::set<Module> seen;
    const auto others = std::stable_partition(order.begin(), order.end(), [&](const Mapping* mapping) { return seen.insert(mapping->module).second; });
    std::stable_sort(others, order.end(), [](const Mapping* a, const Mapping* b) { return a->end - a->start > b->end - b->start; });
  }
  for (const Mapping* mapping : order) {
    // What the side band already told is newer or the same.
    const Mapping* known = space.find(mapping->start, now);
    if (!known || known->module != mapping->module || known->file_offset != mapping->file_offset) space.add(*mapping);
  }
}

void ProcessTable::add_thread(const fdr_thread& thread) {
  const auto tgid = static_cast<std::int32_t>(thread.tgid);
  ++revision_;
  std::optional<std::uint64_t> key;
  // A thread we know stays with its process, also when that has ended already (its siblings were faster).
  if (const auto known = threads_.find(thread.id); known != threads_.end()) key = known->second.process;
  if (!key) key = live_process(tgid);
  if (!key) key = begin_process(tgid, 0, 0, thread.target);
  TrackedThread& tracked = threads_[thread.id];
  const std::string comm = fixed_text(thread.comm, sizeof thread.comm);
  tracked.id = thread.id;
  tracked.process = *key;
  tracked.tid = static_cast<std::int32_t>(thread.tid);
  tracked.name = comm;
  tracked.account = thread;
  if (const auto process = processes_.find(*key); thread.tid == thread.tgid && process != processes_.end()) {
    process->second.process.name = comm;
    process->second.process.start_boottime_ns = thread.start_boottime;
  }
}

ProcessTable::Changes ProcessTable::apply(std::vector<fdr_life> life, std::vector<SideEvent> side, Timestamp until,
                                          const fdr_thread* threads, std::uint32_t thread_count) {
  pending_life_.insert(pending_life_.end(), life.begin(), life.end());
  pending_side_.insert(pending_side_.end(), std::make_move_iterator(side.begin()), std::make_move_iterator(side.end()));
  std::stable_sort(pending_life_.begin(), pending_life_.end(), [](auto& a, auto& b) { return a.head.ns < b.head.ns; });
  std::stable_sort(pending_side_.begin(), pending_side_.end(), [](auto& a, auto& b) { return a.time < b.time; });
  Changes changes;
  std::size_t l = 0, s = 0;
  for (;;) {
    const bool has_life = l < pending_life_.size() && from_ns(pending_life_[l].head.ns) <= until;
    const bool has_side = s < pending_side_.size() && pending_side_[s].time <= until;
    if (!has_life && !has_side) break;
    if (has_life && (!has_side || from_ns(pending_life_[l].head.ns) <= pending_side_[s].time))
      on_life(pending_life_[l++], changes, threads, thread_count);
    else
      changes.mapped |= on_side(pending_side_[s++]);
  }
  if (l || changes.mapped) ++revision_;
  pending_life_.erase(pending_life_.begin(), pending_life_.begin() + static_cast<std::ptrdiff_t>(l));
  pending_side_.erase(pending_side_.begin(), pending_side_.begin() + static_cast<std::ptrdiff_t>(s));
  return changes;
}

bool ProcessTable::on_side(const SideEvent& event) {
  const auto key = live_process(event.pid);
  if (!key) return false;  // not a target: the side band tells of every process of the host
  TrackedProcess& tracked = processes_[*key];
  // perf says COMM with the exec flag before the new image is mapped, and sched_process_exec after: the former ends the old space.
  if (event.kind == SideEvent::kExec || tracked.spaces.empty())
    tracked.spaces.push_back({event.kind == SideEvent::kExec ? event.time : tracked.process.started.value_or(Timestamp{}), std::make_shared<AddressSpace>()});
  if (event.kind == SideEvent::kMap) own_space(tracked).add(event.mapping);
  return true;
}

void ProcessTable::on_life(const fdr_life& event, Changes& changes, const fdr_thread* slots, std::uint32_t slot_count) {
  const Timestamp time = from_ns(event.head.ns);
  const std::uint32_t id = event.head.thread;
  const auto tid = static_cast<std::int32_t>(event.tid), tgid = static_cast<std::int32_t>(event.tgid);
  const std::string comm = fixed_text(event.comm, sizeof event.comm);
  switch (event.head.kind) {
    case FDR_LIFE_FORK: {
      const bool new_process = tid == tgid;
      auto key = live_process(tgid);
      if (new_process) {
        const auto parent = live_process(static_cast<std::int32_t>(event.parent_tgid));
        if (key && is_another(processes_.at(*key).process, event)) {
          Process& before = processes_.at(*key).process;
          before.ended = time;
          changes.exits.push_back(TargetExit{.pid = tgid, .target = event.target, .wait_status = {}, .time = time, .replaced = true});
          key.reset();
        }
        if (!key) key = begin_process(tgid, static_cast<std::int32_t>(event.parent_tgid), event.start_boottime, event.target);
        TrackedProcess& child = processes_[*key];
        child.process.parent = static_cast<std::int32_t>(event.parent_tgid);
        child.process.name = comm;
        child.process.started = time;
        if (parent && processes_.contains(*parent)) {
          const TrackedProcess& from = processes_[*parent];
          if (child.process.executable.empty()) child.process.executable = from.process.executable;
          if (child.process.command_line.empty()) child.process.command_line = from.process.command_line;
          if (child.spaces.empty() && !from.spaces.empty()) child.spaces.push_back({time, from.spaces.back().space});
        }
        changes.started.emplace_back(tgid, event.target);
      } else if (!key) {
        key = begin_process(tgid, 0, 0, event.target);
      }
      if (id) {
        TrackedThread& thread = threads_[id];
        thread = {.id = id, .process = *key, .tid = tid, .name = comm, .started = time, .ended = {}, .account = {}};
        changes.armed.push_back(id & FDR_THREAD_SLOT_MASK);
      }
      if (new_process) life_.push_back({time, LifeKind::kFork, id, comm, 0});
      break;
    }
    case FDR_LIFE_EXEC: {
      const auto key = live_process(tgid);
      if (!key) break;
      Process& process = processes_[*key].process;
      process.name = comm;
      process.executable = fixed_text(event.path, sizeof event.path);
      process.command_line.clear();  // read from /proc while the process lives (session)
      if (const auto thread = threads_.find(id); thread != threads_.end()) {
        thread->second.name = comm;
        thread->second.tid = tid;
      }
      changes.execed.push_back(tgid);
      life_.push_back({time, LifeKind::kExec, id, process.executable, 0});
      break;
    }
    case FDR_LIFE_EXIT: {
      if (const auto thread = threads_.find(id); thread != threads_.end()) {
        thread->second.ended = time;
        thread->second.name = comm;
        const std::uint32_t slot = id & FDR_THREAD_SLOT_MASK;
        if (slot < slot_count && slots[slot].id == id) thread->second.account = slots[slot];
      }
      if (id) changes.released.push_back(id & FDR_THREAD_SLOT_MASK);
      if (!event.group_dead) break;
      // Threads that die together may all find themselves the last: the process ends once.
      const auto key = live_process(tgid);
      if (!key) break;
      Process& process = processes_[*key].process;
      process.ended = time;
      std::optional<int> status;
      if (event.exit_code != FDR_EXIT_UNKNOWN) status = event.exit_code;
      process.wait_status = status;
      live_.erase(tgid);
      life_.push_back({time, LifeKind::kExit, id, comm, event.exit_code});
      changes.exits.push_back({tgid, event.target, status, time, static_cast<double>(event.user_ns) * 1e-9,
                               static_cast<double>(event.system_ns) * 1e-9});
      break;
    }
    default: break;
  }
}

void ProcessTable::describe(std::int32_t pid, std::string executable, std::vector<std::string> command_line) {
  const auto key = live_process(pid);
  if (!key) return;
  ++revision_;
  Process& process = processes_[*key].process;
  if (!executable.empty()) process.executable = std::move(executable);
  process.command_line = std::move(command_line);
}

bool ProcessTable::forget(Timestamp before) {
  std::erase_if(threads_, [&](const auto& entry) { return entry.second.ended && *entry.second.ended < before; });
  const auto gone = std::erase_if(processes_, [&](const auto& entry) { return entry.second.process.ended && *entry.second.process.ended < before; });
  // Of who lives, the programs that another one replaced before: the last of them may still have run then.
  bool replaced = false;
  for (auto& [key, tracked] : processes_) {
    const auto later = std::find_if(tracked.spaces.begin(), tracked.spaces.end(), [&](const TrackedProcess::Space& space) { return space.since >= before; });
    if (later - tracked.spaces.begin() <= 1) continue;
    tracked.spaces.erase(tracked.spaces.begin(), later - 1);
    replaced = true;
  }
  std::erase_if(life_, [&](const LifeEvent& event) { return event.time < before; });
  return gone > 0 || replaced;
}

}  // namespace fdr

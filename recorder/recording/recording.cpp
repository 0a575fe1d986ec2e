#include "recorder/recording/recording.hpp"


#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "recorder/logs/log_follower.hpp"
#include "recorder/saved/saved_window.hpp"
#include "recorder/system/patience.hpp"
#include "recorder/window/host_size.hpp"

namespace fdr {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);
// What has ended, and sums, are remembered for a span, an `after`, and the time that a slow dump may take to begin.
constexpr Duration kMemoryOfTheDead = std::chrono::seconds(10);
constexpr std::size_t kMapsPerSecond = 16;  // of processes with new code: a maps file of 1 000 lines takes 1 ms

// The ceiling is one for all that is kept: what the logs and the files beside the rings may take is not the window's.
WindowLayout layout_of(const Config& config, std::uint64_t source_bytes) {
  const auto beside = [&](std::uint64_t memory) { return log_bytes(config.logs.size(), memory) + saved_room(memory).all + source_bytes; };
  return divide_memory(memory_of(config), static_cast<std::uint32_t>(recorded_slots()), config.span, beside, config.wants_heap());
}

constexpr Duration kProbesAtMost = std::chrono::milliseconds(500);  // that arming waits for

std::set<std::string> heap_targets(const Config& config) {
  std::set<std::string> names;
  for (const TargetConfig& target : config.targets)
    if (target.heap) names.insert(target.name);
  return names;
}

}  // namespace

Recording::Recording(const Config& config, const std::string& name)
    : config_(config),
      chosen_(choose_backend(config, [&](std::uint64_t beside) { return layout_of(config, beside); }, name)),
      window_(source().window()),
      table_(target_names(config)),
      unwind_(window_),
      heap_(source().heap_programs(), source().heap().asked ? heap_targets(config) : std::set<std::string>{}),
      summary_(config.span + config.after + kMemoryOfTheDead),
      snapshot_(std::make_unique<Snapshot>(window_.layout)),
      economy_(config, MonotonicClock::now()),
      armed_at_(MonotonicClock::now()) {}

void Recording::arm(std::vector<std::int32_t>& named, std::uint32_t target, Timestamp now) {
  chosen_.source->arm_threads();
  std::unordered_set<std::int32_t> armed;
  for (std::uint32_t slot = 0; slot < window_.layout.threads; ++slot)
    if (window_.threads[slot].flags & FDR_THREAD_USED) armed.insert(static_cast<std::int32_t>(window_.threads[slot].tgid));
  // Who has gone, or is not ours to record. Where no slot is left nothing can be said of anybody.
  if (!window_.control->slots_exhausted) std::erase_if(named, [&](std::int32_t pid) { return !armed.contains(pid); });
  for (const std::int32_t pid : named) {
    table_.add_existing(pid, target, maps_.read(pid), now);
    describe(pid);
    go_.began(pid, target);
  }
}

std::vector<std::int32_t> Recording::add_existing(const std::vector<ProcessIdentity>& processes, std::uint32_t target) {
  std::vector<std::int32_t> added;
  for (const ProcessIdentity& process : with_descendants(processes)) {
    chosen_.source->add_target(process, target, false);
    added.push_back(process.pid);
  }
  arm(added, target, MonotonicClock::now());
  collect_armed_threads();
  armed_at_ = MonotonicClock::now();
  follow_files(true, armed_at_);
  heap_.settle(kProbesAtMost);
  summary_.read(window_, armed_at_, {});
  return added;
}

void Recording::follow_files(bool changed, Timestamp now) {
  unwind_.follow(table_, live_slots_, changed, now);
  if (changed) heap_.follow(table_, unwind_.held_files());
}

HeapReading Recording::heap() const {
  HeapReading reading = chosen_.source->heap();
  HeapProbes::Report report = heap_.report();
  reading.since = report.since;
  reading.problems = std::move(report.problems);
  return reading;
}

std::vector<std::int32_t> Recording::adopt(const std::vector<ProcessIdentity>& processes, std::uint32_t target, Timestamp now) {
  std::vector<std::int32_t> added;
  for (const ProcessIdentity& process : with_descendants(processes)) {
    if (table_.live_process(process.pid)) continue;
    chosen_.source->add_target(process, target, false);
    added.push_back(process.pid);
  }
  if (added.empty()) return added;
  arm(added, target, now);
  if (added.empty()) return added;
  std::vector<std::uint32_t> armed;
  for (std::uint32_t slot = 0; slot < window_.layout.threads; ++slot)
    if (window_.threads[slot].flags & FDR_THREAD_USED && !(window_.threads[slot].flags & FDR_THREAD_EXITED)) armed.push_back(slot);
  catch_up(now);  // threads born meanwhile are told by the life ring; the others are those that were here
  for (const std::uint32_t slot : armed) {
    const fdr_thread& thread = window_.threads[slot];
    if (table_.threads().contains(thread.id)) continue;
    table_.add_thread(thread);
    live_slots_.push_back(slot);
    adopted_.insert(slot);
  }
  follow_files(true, now);
  return added;
}

void Recording::add_child(std::int32_t pid) {
  chosen_.source->add_target({pid, 0}, 0, true);  // it waits for us
  chosen_.source->arm_threads();
  table_.add_existing(pid, 0, {}, MonotonicClock::now());
  go_.began(pid, 0);
  collect_armed_threads();
  armed_at_ = MonotonicClock::now();
  follow_files(true, armed_at_);
  if (heap_.wanted()) {
    heap_.expect(pid, config_.targets.front().name, own_allocators());
    heap_.settle(kProbesAtMost);
  }
  summary_.read(window_, armed_at_, {});
}

void Recording::describe(std::int32_t pid) {
  if (table_.live_process(pid)) table_.describe(pid, executable_of(pid), command_line_of(pid));
}

// A child has its parent's command line until it runs something else, or says what it is (a server's workers): most are gone before.
void Recording::describe_grown(Timestamp now) {
  const auto end = std::find_if(born_.begin(), born_.end(), [&](const auto& child) { return now - child.first < kSecond; });
  std::for_each(born_.begin(), end, [this](const auto& child) { describe(child.second); });
  born_.erase(born_.begin(), end);
}

void Recording::collect_armed_threads() {
  live_slots_.clear();
  for (std::uint32_t slot = 0; slot < window_.layout.threads; ++slot) {
    const fdr_thread& thread = window_.threads[slot];
    if (!(thread.flags & FDR_THREAD_USED) || thread.flags & FDR_THREAD_EXITED) continue;
    table_.add_thread(thread);
    live_slots_.push_back(slot);
  }
}

void Recording::catch_up(Timestamp now) {
  // The side band is read before the life ring: whatever began before a mapping is then known when the mapping is applied.
  chosen_.source->collect(now);
  std::vector<SideEvent> side = chosen_.source->side_events();
  std::vector<fdr_life> life = life_.read(window_);
  LostEnds::disown_slots(life, window_);
  name_builds(side, life);
  caught_up_.append(table_.apply(std::move(life), std::move(side), now, window_.threads, window_.layout.threads));
}

// The side band knows GNU build-ids alone (and none before 5.12). Without one, two programs that were at one path in turn would be one.
void Recording::name_builds(std::vector<SideEvent>& side, const std::vector<fdr_life>& life) {
  std::unordered_set<std::int32_t> born;
  for (const fdr_life& event : life)
    if (event.head.kind == FDR_LIFE_FORK) born.insert(static_cast<std::int32_t>(event.tgid));
  for (SideEvent& event : side) {
    Module& module = event.mapping.module;
    if (event.kind != SideEvent::kMap || module.kind != ModuleKind::kFile || !module.build_id.empty()) continue;
    if (table_.known(event.pid) || born.contains(event.pid)) module.build_id = maps_.build_id(event.pid, event.mapping);
  }
}

// After all that was told: the next advance() tells of them.
void Recording::find_lost_ends(Timestamp now) {
  const std::uint64_t losses = life_.lost_chunks() + chosen_.source->side_lost() + window_.control->slots_exhausted + leases_over_;
  std::vector<fdr_life> ends = lost_ends_.look(window_, table_, losses, now);
  if (!ends.empty()) caught_up_.append(table_.apply(std::move(ends), {}, now, window_.threads, window_.layout.threads));
}

Recording::Changes Recording::advance(Timestamp now) {
  // A backend of our own process has a lease of no length: nothing goes on without us.
  const fdr_control& control = *window_.control;
  leases_over_ += control.lease_ns > control.renewed_ns && control.lease_ns < static_cast<std::uint64_t>(to_ns(now));
  chosen_.source->renew_lease(now);
  catch_up(now);
  Changes changes;
  changes.processes = std::exchange(caught_up_, {});
  for (const auto& [pid, target] : changes.processes.started) {
    const auto key = table_.live_process(pid);
    if (key && table_.processes().at(*key).process.executable.empty()) describe(pid);  // its parent is not known
    born_.emplace_back(now, pid);
  }
  for (const std::int32_t pid : changes.processes.execed) describe(pid);
  go_.follow(changes.processes, now);
  for (const TargetExit& exit : changes.processes.exits)
    if (!exit.replaced) dead_since_second_.push_back(static_cast<std::uint32_t>(exit.pid));  // else the cells of its number are in use

  for (const std::uint32_t slot : changes.processes.armed)
    if (!adopted_.contains(slot)) live_slots_.push_back(slot);
  adopted_.clear();
  // A slot whose thread's end was found out and then told of comes back once.
  const std::unordered_set<std::uint32_t> gone(changes.processes.released.begin(), changes.processes.released.end());
  for (const std::uint32_t slot : gone) {
    changes.ended_threads.push_back(window_.threads[slot]);
    economy_.ended(window_.threads[slot]);
    window_.threads[slot].flags = 0;
    chosen_.source->release_slot(slot);
  }
  if (!gone.empty()) std::erase_if(live_slots_, [&](std::uint32_t slot) { return gone.contains(slot); });

  bool changed = changes.processes.mapped || !changes.processes.armed.empty() || !changes.processes.execed.empty() || !changes.processes.exits.empty();
  if (now - last_second_ >= kSecond) {
    last_second_ = now;
    describe_grown(now);
    changed |= read_strange_maps(now);
    read_summary(now);
    chosen_.source->follow_cpus();
    if (table_.forget(now - config_.span - config_.after - kMemoryOfTheDead)) {
      unwind_.release_files(table_);
      std::set<std::int32_t> known;  // living, and dead that bundles may still tell of
      for (const auto& [key, tracked] : table_.processes()) known.insert(tracked.process.pid);
      heap_.now_and_then([this, known = std::move(known), now] { chosen_.source->forget_heap(known, now); }, now);
    }
  }
  follow_files(changed, now);
  find_lost_ends(now);
  return changes;
}

// Code that appeared without the side band's telling (JIT: made executable by mprotect), found by walks that ended in it.
bool Recording::read_strange_maps(Timestamp now) {
  const std::vector<std::int32_t> pids = unwind_.strangers(table_, kMapsPerSecond);
  for (const std::int32_t pid : pids) {
    const auto key = table_.live_process(pid);
    if (key) table_.add_existing(pid, 0, maps_.read(pid), now);
  }
  return !pids.empty();
}

void Recording::read_summary(Timestamp now) {
  summary_.read(window_, now, dead_since_second_);
  dead_since_second_.clear();
}

WindowMark Recording::take_snapshot(const WindowMark& after, Coverage& coverage) {
  chosen_.source->collect(MonotonicClock::now());
  if (after[FDR_LIFE].empty()) chosen_.source->firing(MonotonicClock::now());
  coverage.at = MonotonicClock::now();
  WindowMark mark = snapshot_->take(window_, after);
  for (int ring = 0; ring < FDR_RINGS; ++ring) coverage.covers_since_ns[ring] = snapshot_->ring(ring).covers_since_ns;
  return mark;
}

MomentCopy Recording::copy_moment(Timestamp now) const {
  MomentCopy copy{.processes = table_, .files = unwind_.held_files(), .threads = {}, .parked = {}, .go = go_.all(), .time = now};
  for (const std::uint32_t slot : live_slots_) {
    const fdr_thread thread = window_.threads[slot];
    if (!(thread.flags & FDR_THREAD_USED)) continue;
    copy.threads.push_back(thread);
    copy.processes.add_thread(thread);
  }
  copy.parked.assign(window_.parked, window_.parked + FDR_PARKED);
  return copy;
}

Snapshot Recording::copy_recent(Timestamp since) const {
  constexpr std::array kRings = {+FDR_STACKS, +FDR_STALLS, +FDR_SLOW, +FDR_FAILED};
  Snapshot recent;
  recent.take_recent(window_, kRings, static_cast<std::uint64_t>(std::max<std::int64_t>(0, to_ns(since))), memory_of(config_) / 16);
  return recent;
}

void Recording::readable(int descriptor, bool hung_up, Timestamp now) {
  if (hung_up) chosen_.source->hung_up(descriptor);
  chosen_.source->collect(now);
}

std::vector<std::string> Recording::notes() const {
  std::vector<std::string> notes = chosen_.notes;
  for (std::string& note : chosen_.source->notes()) notes.push_back(std::move(note));
  for (std::string& note : awaited()) notes.push_back(std::move(note));
  if (std::string problem = go_.problem(); !problem.empty()) notes.push_back(std::move(problem));
  return notes;
}

RecordedSince Recording::known() const {
  return {.span = config_.span, .armed_at = armed_at_, .summary_begin = summary_.begin(), .summary_rows = summary_.rows().size(),
          .clock_period_ns = chosen_.source->clock_period_ns(), .life_missed = chosen_.source->side_lost() + life_.lost_chunks()};
}

}  // namespace fdr

#include "recorder/sources/proc_source.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/sources/left_window.hpp"
#include "recorder/sources/ptrace_stack.hpp"
#include "recorder/sources/refused_processes.hpp"
#include "recorder/sources/stack_taker.hpp"
#include "recorder/sources/thread_slots.hpp"
#include "recorder/sources/window_file.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "recorder/targets/task_files.hpp"

namespace fdr {
namespace {

constexpr double kShare = 0.005;                                     // of a CPU
constexpr Duration kLeastGap = std::chrono::milliseconds(50);        // between two looks
constexpr Duration kSecond = std::chrono::seconds(1), kMapsEvery = std::chrono::seconds(10);
constexpr std::size_t kStackBytes = 32 << 10;                        // of a thread that is stopped
constexpr std::size_t kMostStopped = 64;                             // threads at one firing
constexpr std::uint32_t kAsleep = 1, kUninterruptible = 2;           // include/linux/sched.h

std::uint32_t lacks_of(bool allow_ptrace) {
  std::uint32_t lacks = FDR_LACKS_CALLS | FDR_LACKS_FAILING | 1u << FDR_STALLS | 1u << FDR_GROWTH | 1u << FDR_BYSTANDERS;
  if (!allow_ptrace) lacks |= 1u << FDR_STACKS;
  if (!task_times(::getpid(), ::getpid())) lacks |= FDR_LACKS_WAITS;
  return lacks;
}

class ProcSource final : public EventSource {
 public:
  ProcSource(const Config& config, const WindowLayout& layout, const std::string& name)
      : lacks_(lacks_of(config.allow_ptrace)),
        window_(window_places(name), layout.without(lacks_), FDR_BACKEND_PROC, lacks_),
        slots_(window_),
        stacks_(window_.view()),
        allow_ptrace_(config.allow_ptrace),
        heap_asked_(config.wants_heap()),
        period_ns_(1'000'000'000ull / config.frequency) {}

  WindowView window() const override { return window_.view(); }

  void add_target(const ProcessIdentity& process, std::uint32_t target, bool mute) override {
    Seen& seen = seen_[process.pid];
    seen.target = target;
    seen.mute = mute;
    seen.executable = executable_of(process.pid);
    to_arm_.push_back(process);
  }

  void arm_threads() override {
    const auto now_ns = static_cast<std::uint64_t>(to_ns(MonotonicClock::now()));
    bool any = false;
    std::int32_t foreign = 0;
    for (const ProcessIdentity& process : std::exchange(to_arm_, {})) {
      const std::int32_t pid = process.pid;
      const bool there = is_there(process);
      if (!there || seen_[pid].executable.empty()) {  // the link is for who may trace it
        if (there && refused_.add(process)) foreign = pid;
        seen_.erase(pid);
        continue;
      }
      any = true;
      for (const std::int32_t tid : threads_of(pid)) {
        const auto stat = task_stat(pid, tid);
        const Seen& seen = seen_[pid];
        const std::uint32_t flags = FDR_THREAD_ATTACHED | (seen.mute ? std::uint32_t{FDR_THREAD_MUTE} : 0u);
        const bool met = slots_.find(tid) != nullptr;
        fdr_thread* const thread = stat ? slots_.attach(tid, pid, seen.target, stat->start_boottime_ns, stat->comm, flags, now_ns) : nullptr;
        if (thread && !met) count_from_here(*thread, pid, tid);
      }
    }
    if (!any && foreign) refuse_process(foreign);
  }

  void release_slot(std::uint32_t slot) override { slots_.release(slot); }
  void renew_lease(Timestamp now) override { window_.renew(now); }

  void collect(Timestamp now) override {
    std::erase_if(stopping_, let_go);
    budget_.advance(now);
    if (now - looked_ < kLeastGap || !budget_.may_spend()) return;
    const Duration before = thread_cpu_time();
    looked_ = now;
    const bool slow = now - listed_ >= kSecond;
    if (slow) {
      listed_ = now;
      // Whose end others found out, too.
      std::erase_if(seen_, [this](const auto& entry) { return !slots_.processes().contains(entry.first); });
      std::erase_if(ran_before_, [this](const auto& entry) { return !slots_.find(entry.first); });
    }
    std::vector<ProcessIdentity> known;
    for (const auto& [pid, tids] : slots_.processes()) known.push_back({pid, 0});
    if (slow)
      for (const ProcessIdentity& process : with_descendants(known))
        if (!slots_.processes().contains(process.pid)) begin(process.pid, now);
    for (const ProcessIdentity& process : known) look(process.pid, slow, now);
    budget_.spent(thread_cpu_time() - before);
  }

  // Threads that run are stopped for a moment, where that is allowed.
  void firing(Timestamp now) override {
    if (!allow_ptrace_) return;
    std::size_t stopped = 0;
    for (const std::int32_t tid : slots_.live_tids()) {
      fdr_thread& thread = *slots_.find(tid);
      const auto pid = static_cast<std::int32_t>(thread.tgid);
      const auto stat = task_stat(pid, tid);
      if (!stat || stat->state != 'R' || stopped++ == kMostStopped) continue;
      const StoppedThread found = stop_and_copy(pid, tid, kStackBytes);
      if (found.stack) keep(thread, *found.stack, now);
      if (!found.let_go) stopping_.push_back(tid);
    }
  }

  std::vector<SideEvent> side_events() override { return std::exchange(side_, {}); }
  std::uint64_t clock_period_ns() const override { return period_ns_; }
  bool survives() const override { return window_.problem().empty(); }

  std::vector<std::string> notes() const override {
    std::vector<std::string> notes = {"backend proc: no samples of what runs, no system calls, no stalls that begin and end between two looks, nothing of programs outside the targets"};
    if (std::string note = refused_.note(); !note.empty()) notes.push_back(std::move(note));
    if (heap_asked_) notes.push_back("backend proc: who holds memory (--heap) is not sampled");
    if (lacks_ & FDR_LACKS_WAITS) notes.push_back("the time that threads run and wait for a CPU is not known (no /proc/PID/schedstat)");
    if (!allow_ptrace_) notes.push_back("threads that run at a firing have no stack: --allow-ptrace would stop them for a moment (their epoll_wait may return EINTR)");
    if (!window_.problem().empty()) notes.push_back("the window does not survive the recorder (" + window_.problem() + ")");
    return notes;
  }

 private:
  struct Seen {
    std::uint32_t target = 0;
    bool mute = false;
    std::string executable;
    Timestamp maps_read{};
    std::set<std::tuple<std::uint64_t, std::uint64_t, std::string>> maps;
  };

  // A child that was born since the last look.
  void begin(std::int32_t pid, Timestamp now) {
    const std::int32_t parent = parent_of(pid);
    const auto stat = task_stat(pid, pid);
    if (!stat || !slots_.fork(0, parent, pid, pid, static_cast<std::uint64_t>(to_ns(now)))) return;
    slots_.rename(pid, stat->comm);
    Seen& seen = seen_[pid];
    seen.executable = executable_of(pid);
    begin_space(pid, seen, now);
  }

  void begin_space(std::int32_t pid, Seen& seen, Timestamp now) {
    side_.push_back({.kind = SideEvent::kExec, .time = now, .pid = pid, .mapping = {}});
    seen.maps.clear();
    read_maps(pid, seen, now);
  }

  void read_maps(std::int32_t pid, Seen& seen, Timestamp now) {
    seen.maps_read = now;
    for (Mapping& mapping : maps_.read(pid)) {
      if (!seen.maps.emplace(mapping.start, mapping.end, mapping.module.path).second) continue;
      mapping.since = now;
      side_.push_back({.kind = SideEvent::kMap, .time = now, .pid = pid, .mapping = std::move(mapping)});
    }
  }

  // What it did before it was a target's is not ours.
  void count_from_here(fdr_thread& thread, std::int32_t pid, std::int32_t tid) {
    const auto times = task_times(pid, tid);
    if (!times) return;
    ran_before_[tid] = times->ran_ns;
    thread.run_delay_base = thread.run_delay_ns = times->waited_ns;
  }

  void look(std::int32_t pid, bool slow, Timestamp now) {
    const auto now_ns = static_cast<std::uint64_t>(to_ns(now));
    const std::vector<std::int32_t> tids = threads_of(pid);
    const std::vector<std::int32_t> known = slots_.processes().at(pid);
    for (const std::int32_t tid : known) {
      if (std::find(tids.begin(), tids.end(), tid) != tids.end() && !has_ended(pid, tid)) continue;
      slots_.exit(tid, FDR_EXIT_UNKNOWN, {}, now_ns);
      ran_before_.erase(tid);
    }
    if (!slots_.processes().contains(pid)) {
      seen_.erase(pid);
      return;
    }
    Seen& seen = seen_[pid];
    if (slow || seen.mute) {
      const std::string executable = executable_of(pid);
      if (!executable.empty() && executable != seen.executable) {
        seen.executable = executable;
        seen.mute = false;
        slots_.exec(pid, comm_of(pid), executable, now_ns);
        begin_space(pid, seen, now);
      } else if (now - seen.maps_read >= kMapsEvery) {
        read_maps(pid, seen, now);
      }
    }
    for (const std::int32_t tid : tids) account(pid, tid, now_ns);
  }

  // A zombie, or another who has its number: born after it was first seen.
  bool has_ended(std::int32_t pid, std::int32_t tid) {
    const auto stat = task_stat(pid, tid);
    return stat && (stat->state == 'Z' || stat->state == 'X' || stat->start_boottime_ns > slots_.find(tid)->start_boottime);
  }

  void account(std::int32_t pid, std::int32_t tid, std::uint64_t now_ns) {
    const auto stat = task_stat(pid, tid);
    if (!stat || stat->state == 'Z' || stat->state == 'X') return;
    fdr_thread* thread = slots_.find(tid);
    if (!thread && !(thread = slots_.fork(0, pid, tid, pid, now_ns))) return;
    slots_.rename(tid, stat->comm);
    bool ran = false;
    if (const auto times = task_times(pid, tid)) {
      const auto before = ran_before_.find(tid);
      // Less than before: another thread of the process called execve, and has this number since.
      if (before != ran_before_.end() && before->second > times->ran_ns) before->second = 0;
      const std::uint64_t cpu_ns = before == ran_before_.end() ? times->ran_ns : times->ran_ns - before->second;
      ran = cpu_ns != thread->cpu_ns;
      thread->cpu_ns = cpu_ns;
      thread->run_delay_ns = times->waited_ns;
    }
    if (stat->state == 'R') {
      thread->on_ns = now_ns;
      thread->out_ns = 0;
      return;
    }
    const std::uint32_t state = stat->state == 'D' ? kUninterruptible : kAsleep;
    if (ran || !thread->out_ns || thread->out_state != state) thread->out_ns = now_ns;  // it began since the last look
    thread->out_state = state;
    thread->on_ns = 0;
  }

  void keep(const fdr_thread& thread, const StoppedStack& stopped, Timestamp now) {
    PerfRecord record;
    record.has_registers = true;
    record.registers = stopped.registers;
    record.stack = stopped.bytes;
    record.stack_whole = stopped.whole;
    const auto stack = stacks_.take(record, thread.space, FDR_COPY_MAX);
    const auto now_ns = static_cast<std::uint64_t>(to_ns(now));
    const fdr_record head{.ns = now_ns, .thread = thread.id, .len8 = static_cast<fdr_u16>((sizeof head + stack.size()) / 8), .kind = 0};
    slots_.rings().append(FDR_STACKS, 0, 0, {reinterpret_cast<const std::uint8_t*>(&head), sizeof head}, now_ns, stack);
  }

  std::uint32_t lacks_;
  WindowFile window_;
  ThreadSlots slots_;
  std::vector<SideEvent> side_;
  StackTaker stacks_;
  bool allow_ptrace_, heap_asked_;
  std::uint64_t period_ns_;
  std::map<std::int32_t, Seen> seen_;
  std::map<std::int32_t, std::uint64_t> ran_before_;  // nanoseconds on a CPU before it was armed; by thread
  std::vector<ProcessIdentity> to_arm_;
  std::vector<std::int32_t> stopping_;  // seized at a firing, and not stopped yet
  MapReader maps_;
  RefusedProcesses refused_;
  CostBudget budget_{kShare};
  Timestamp looked_{}, listed_{};
};

}  // namespace

std::unique_ptr<EventSource> open_proc_source(const Config& config, const WindowLayout& layout, const std::string& recorder_name) {
  return std::make_unique<ProcSource>(config, layout, recorder_name);
}

}  // namespace fdr

#include "recorder/sources/perf_source.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <unordered_set>

#include "formats/error.hpp"
#include "recorder/sources/call_account.hpp"
#include "recorder/sources/left_window.hpp"
#include "recorder/sources/perf_rings.hpp"
#include "recorder/sources/refused_processes.hpp"
#include "recorder/sources/side_band.hpp"
#include "recorder/sources/stack_taker.hpp"
#include "recorder/sources/switch_account.hpp"
#include "recorder/sources/thread_slots.hpp"
#include "recorder/sources/window_file.hpp"
#include "recorder/system/cpu_list.hpp"
#include "recorder/system/open_files.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "recorder/targets/task_files.hpp"

namespace fdr {
namespace {

constexpr int kPasses = 4;                    // over the threads of a process that starts more of them meanwhile
constexpr std::size_t kWaitsRead = 512;       // threads whose time in the run queue is read each second
constexpr Duration kSecond = std::chrono::seconds(1);
constexpr std::size_t kMostSide = 65'536;     // mappings between two drains

}  // namespace

std::uint32_t perf_lacks(const Config& config, const PerfSupport& support) {
  std::uint32_t lacks = FDR_LACKS_FAILING | 1u << FDR_GROWTH | 1u << FDR_BYSTANDERS;
  if (!support.enter || config.detail == SyscallDetail::kOff) lacks |= FDR_LACKS_CALLS;
  if (config.detail == SyscallDetail::kSummary) lacks |= 1u << FDR_SYSCALLS;
  if (!support.switches) lacks |= 1u << FDR_STALLS;
  if (!task_times(::getpid(), ::getpid())) lacks |= FDR_LACKS_WAITS;
  return lacks;
}

namespace {

class PerfSource final : public EventSource {
 public:
  PerfSource(const Config& config, PerfSupport support, const WindowLayout& layout, std::uint64_t memory, const std::string& name)
      : lacks_(perf_lacks(config, support)),
        window_(window_places(name), layout.without(lacks_), FDR_BACKEND_PERF, lacks_),
        slots_(window_),
        rings_(perf_ring_sizes(memory, layout.slots, counts_calls())),
        stacks_(window_.view()),
        calls_(window_, slots_.rings(), static_cast<std::uint64_t>(config.slow.count()), config.detail == SyscallDetail::kAll),
        switches_(window_, slots_.rings(), static_cast<std::uint64_t>(config.off_cpu.count())),
        shape_{.support = std::move(support), .period_ns = 1'000'000'000ull / config.frequency, .stack_bytes = perf_stack_bytes(rings_.sizes(), config.frequency)},
        heap_asked_(config.wants_heap()) {
    raise_open_files(1u << 20);
    follow_cpus();
  }

  WindowView window() const override { return window_.view(); }

  void add_target(const ProcessIdentity& process, std::uint32_t target, bool mute) override { to_arm_.push_back({process, target, mute ? std::uint32_t{FDR_THREAD_MUTE} : 0u}); }

  void arm_threads() override {
    bool any = false;
    std::int32_t foreign = 0;
    for (const Named& named : std::exchange(to_arm_, {})) {
      for (int pass = 0; pass < kPasses && arm_new_threads(named); ++pass) collect(MonotonicClock::now());
      if (slots_.processes().contains(named.process.pid)) any = true;
      else if (is_there(named.process) && refused_.add(named.process)) foreign = named.process.pid;
    }
    if (!any && foreign) refuse_process(foreign);
  }

  void release_slot(std::uint32_t slot) override { slots_.release(slot); }
  void renew_lease(Timestamp now) override { window_.renew(now); }

  void collect(Timestamp now) override {
    const bool spare = window_.arrays().control->spared & FDR_SPARED_CALLS;
    if (spare != spared_) rings_.spare_calls(spare);
    spared_ = spare;
    if (now - closed_ >= kSecond) {
      closed_ = now;
      rings_.close_ended();
    }
    ended_.clear();
    rings_.drain(static_cast<std::uint64_t>(to_ns(now)), [this](const PerfRecord& record, PerfRingKind ring, int cpu) { take(record, ring, cpu); });
  }

  std::vector<int> descriptors() const override { return rings_.filling(); }
  void hung_up(int descriptor) override { rings_.stop_waking(descriptor); }
  std::vector<SideEvent> side_events() override { return std::exchange(side_, {}); }
  std::uint64_t side_lost() const override { return side_lost_; }

  void follow_cpus() override {
    const std::vector<int> online = online_cpus();
    if (online != online_ && !online.empty()) {  // empty: it could not be read
      std::vector<int> fresh;
      for (const int cpu : online)
        if (std::find(online_.begin(), online_.end(), cpu) == online_.end() && give_slot(cpu)) fresh.push_back(cpu);
      online_ = online;
      open_on(fresh);
    }
    forget_ended();
    read_waits();
  }

  std::vector<ErrnoTotal> errors() const override { return window_.errors(); }
  std::uint64_t clock_period_ns() const override { return shape_.period_ns; }
  bool survives() const override { return window_.problem().empty(); }

  std::vector<std::string> notes() const override {
    // What was lost comes before what is never there: the first screen has room for one.
    std::vector<std::string> notes = notes_;
    if (std::string note = refused_.note(); !note.empty()) notes.push_back(std::move(note));
    const PerfSupport& support = shape_.support;
    if (lost_calls_) notes.push_back(fmt::format("{} records of system calls were lost to a full ring: sums are too low by about half as many", lost_calls_));
    if (unopened_) notes.push_back(fmt::format("{} threads are not or only partly recorded: {}", unopened_, refusal_));
    if (rings_.unreadable()) notes.push_back(fmt::format("{} perf records could not be read", rings_.unreadable()));
    notes.push_back(fmt::format("backend perf: nothing of programs outside the targets, no memory growth by place, no sends; of a stack the last {} KB", shape_.stack_bytes >> 10));
    if (heap_asked_) notes.push_back("backend perf: who holds memory (--heap) is not sampled");
    if (!support.kernel) notes.push_back("time in the kernel is not sampled (kernel.perf_event_paranoid; CAP_PERFMON would do)");
    if (!counts_calls()) notes.push_back(support.enter ? "system calls are off" : "system calls are not recorded: their tracepoints are not ours to read (CAP_PERFMON, and tracefs)");
    if (!support.switches) notes.push_back("stalls are not recorded: this kernel tells of no switches (4.3)");
    else if (!support.blocked) notes.push_back("of stalls neither the state nor the stack is known: sched:sched_switch is not ours to read");
    if (lacks_ & FDR_LACKS_WAITS) notes.push_back("the time that threads wait for a CPU is not known (no /proc/PID/schedstat)");
    if (rings_.halved()) notes.push_back("the rings of perf events are smaller than wanted: locked memory is limited (kernel.perf_event_mlock_kb, ulimit -l)");
    if (!window_.problem().empty()) notes.push_back("the window does not survive the recorder (" + window_.problem() + ")");
    return notes;
  }

 private:
  bool counts_calls() const { return !(lacks_ & FDR_LACKS_SUMS); }

  void read_waits() {
    std::size_t read = 0;
    for (const auto& [pid, tids] : slots_.processes())
      for (const std::int32_t tid : tids) {
        if (read++ == kWaitsRead) return;
        fdr_thread* thread = slots_.find(tid);
        const auto times = thread ? task_times(pid, tid) : std::nullopt;
        if (!times) continue;
        if (!thread->run_delay_ns) thread->run_delay_base = times->waited_ns;
        thread->run_delay_ns = times->waited_ns;
      }
  }

  bool give_slot(int cpu) {
    if (cpu < 0 || cpu >= FDR_MAX_CPUS) return false;
    std::uint16_t& slot = window_.arrays().control->slot_of_cpu[cpu];
    if (slot != FDR_NO_SLOT) return true;
    if (next_slot_ >= window_.view().layout.slots) {
      if (noted_cpus_.insert(cpu).second)  // it may go off and on
        notes_.push_back(fmt::format("CPU {} came online and no spare ring was left: what runs there is not recorded", cpu));
      return false;
    }
    slot = static_cast<std::uint16_t>(next_slot_++);
    return true;
  }

  // A thread's events outlive the absence of their CPU. Who has none there was named before it first came, or while it was away.
  void open_on(const std::vector<int>& fresh) {
    for (const auto& [pid, tids] : slots_.processes()) {
      Cpus& has = opened_[pid];
      std::vector<int> missing;
      for (const int cpu : fresh)
        if (!has[static_cast<std::size_t>(cpu)]) missing.push_back(cpu);
      for (const int cpu : missing) has.set(static_cast<std::size_t>(cpu));
      if (missing.empty()) continue;
      for (const std::int32_t tid : tids) open_events(tid, missing);
    }
  }

  // Of processes whose end was lost.
  void forget_ended() {
    const auto ended = [this](const auto& entry) { return !slots_.processes().contains(entry.first); };
    std::erase_if(opened_, ended);
    std::erase_if(exit_status_, ended);
  }

  struct Named {
    ProcessIdentity process;
    std::uint32_t target = 0, flags = 0;
  };

  // Whether there was any. Whose events they are is asked once they are open: from then on they are of nobody else, and a thread without a
  // slot is not recorded.
  bool arm_new_threads(const Named& named) {
    const std::int32_t pid = named.process.pid;
    const bool known = slots_.processes().contains(pid);
    bool any = false;
    for (const std::int32_t tid : threads_of(pid)) {
      if (slots_.find(tid)) continue;  // known, or born of one whose events it has inherited
      if (!open_events(tid, online_)) continue;
      any = true;
      const auto stat = task_stat(pid, tid);
      if (stat && is_there(named.process))
        slots_.attach(tid, pid, named.target, stat->start_boottime_ns, stat->comm, FDR_THREAD_ATTACHED | named.flags, static_cast<std::uint64_t>(to_ns(MonotonicClock::now())));
    }
    if (!known && slots_.processes().contains(pid)) {
      Cpus& has = opened_[pid] = {};
      for (const int cpu : online_)
        if (cpu < FDR_MAX_CPUS) has.set(static_cast<std::size_t>(cpu));
    }
    return any;
  }

  // False where nothing of it is ours to record.
  bool open_events(std::int32_t tid, const std::vector<int>& cpus) {
    bool refused = false;
    for (const int cpu : cpus)
      for (const PerfKind kind : {kFlow, kClock, kBlocked, kEnter, kLeave}) {
        if (kind == kBlocked && !shape_.support.blocked) continue;
        if ((kind == kEnter || kind == kLeave) && !counts_calls()) continue;
        FileDescriptor event = open_perf_event(shape_, kind, tid, cpu);
        if (!event.valid() && kind == kFlow && (errno == ESRCH || errno == EACCES || errno == EPERM)) return false;
        if (event.valid() && rings_.add(std::move(event), kind, tid, cpu)) continue;
        refused = true;
        refusal_ = errno == EMFILE ? "open files are limited (ulimit -n)" : std::strerror(errno);
      }
    unopened_ += refused;
    return true;
  }

  void take(const PerfRecord& record, PerfRingKind ring, int cpu) {
    const std::uint32_t slot = window_.view().control->slot_of_cpu[cpu];
    if (slot >= window_.view().layout.slots) return;
    at_ = {.ns = record.time_ns, .slot = slot, .cpu = static_cast<std::uint32_t>(cpu)};
    switch (record.kind) {
      case PerfRecord::kSample: return on_sample(record);
      case PerfRecord::kFork:
        if (!slots_.find(record.tid)) on_fork(record);
        return;
      case PerfRecord::kExit: return on_exit(record);
      case PerfRecord::kSwitchIn:
      case PerfRecord::kSwitchOut: return on_switch(record);
      case PerfRecord::kComm:
        if (!record.exec) slots_.rename(record.tid, std::string(record.text));
        else if (slots_.processes().contains(record.pid)) on_exec(record);
        break;
      case PerfRecord::kLost: return on_lost(record, ring);
      default: break;
    }
    if (auto event = side_event_of(record); event && side_.size() < kMostSide) side_.push_back(std::move(*event));
    else if (event) ++side_lost_;
  }

  void on_lost(const PerfRecord& record, PerfRingKind ring) {
    if (ring == kStackRing) slots_.rings().dropped(FDR_STACKS, at_.slot, record.lost);
    if (ring == kFlowRing) side_lost_ += record.lost;
    if (ring == kCallRing) {
      slots_.rings().dropped(FDR_SYSCALLS, at_.slot, record.lost);
      lost_calls_ += record.lost;
      // Which call a thread is in is not known any more.
      for (const std::int32_t tid : slots_.live_tids()) slots_.find(tid)->flags &= ~static_cast<std::uint32_t>(FDR_THREAD_IN_CALL);
    }
  }

  void on_fork(const PerfRecord& record) {
    if (!slots_.fork(record.parent_tid, record.parent_pid, record.tid, record.pid, record.time_ns) || record.pid == record.parent_pid) return;
    if (const auto parent = opened_.find(record.parent_pid); parent != opened_.end()) opened_[record.pid] = Cpus(parent->second);
  }

  void on_exec(const PerfRecord& record) {
    const std::string comm(record.text), path = executable_of(record.pid);
    slots_.exec(record.pid, comm, path.empty() ? comm : path, record.time_ns);  // it may be gone by now
  }

  void on_exit(const PerfRecord& record) {
    const auto status = exit_status_.find(record.pid);
    slots_.exit(record.tid, status == exit_status_.end() ? FDR_EXIT_UNKNOWN : status->second, {}, record.time_ns);
    ended_.insert(record.tid);
    if (slots_.processes().contains(record.pid)) return;
    exit_status_.erase(record.pid);
    opened_.erase(record.pid);
  }

  void on_switch(const PerfRecord& record) {
    fdr_thread* thread = thread_of(record);
    if (!thread) return;
    const SwitchAccount::At at{at_.ns, at_.slot, at_.cpu};
    if (record.kind == PerfRecord::kSwitchIn) return switches_.in(*thread, at);
    switches_.out(*thread, record.preempted ? 0u : switches_.is_blocking(*thread) ? 2u : 1u, at);
  }

  void on_sample(const PerfRecord& record) {
    fdr_thread* thread = thread_of(record);
    if (!thread) return;
    const std::uint16_t tracepoint = tracepoint_of(record);
    const PerfSupport& support = shape_.support;
    if (tracepoint == 0) return on_clock(*thread, record);
    if (support.blocked && tracepoint == support.blocked->id) return switches_.blocks(*thread, stacks_.take(record, thread->space, FDR_COPY_SMALL));
    switches_.running(*thread, {at_.ns, at_.slot, at_.cpu});
    if (support.enter && tracepoint == support.enter->id) return on_enter(*thread, record.raw);
    if (support.leave && tracepoint == support.leave->id) return on_leave(*thread, record.raw);
  }

  void on_clock(fdr_thread& thread, const PerfRecord& record) {
    fdr_cpu& cpu = window_.arrays().cpus[at_.slot];
    ++cpu.ticks_run;
    if (thread.flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED)) return;
    switches_.running(thread, {at_.ns, at_.slot, at_.cpu});
    constexpr std::size_t kRoom = sizeof(fdr_sample) + FDR_STACK_ROOM(FDR_COPY_MAX);
    const bool room = slots_.rings().may_take(FDR_STACKS, at_.slot, kRoom, at_.ns);
    const auto stack = stacks_.take(record, thread.space, room ? FDR_COPY_MAX : FDR_COPY_MIN);
    fdr_sample sample{};
    std::memcpy(&sample.stack, stack.data(), sizeof sample.stack);
    if (!room && sample.stack.flags & FDR_STACK_COPIED) {
      sample.stack.flags |= FDR_STACK_CUT;
      slots_.rings().limited(FDR_STACKS, at_.slot);
    }
    const std::size_t length = sizeof sample.head + stack.size();
    sample.head = {.ns = at_.ns, .thread = thread.id, .len8 = static_cast<fdr_u16>(length / 8), .kind = 0};
    slots_.rings().append(FDR_STACKS, at_.slot, at_.cpu, {reinterpret_cast<const std::uint8_t*>(&sample), sizeof sample}, at_.ns, stack.subspan(sizeof sample.stack));
  }

  void on_enter(fdr_thread& thread, std::span<const std::uint8_t> raw) {
    const Tracepoint& format = *shape_.support.enter;
    const auto id = format.word(raw, "id");
    std::array<std::uint64_t, 6> arguments{};
    for (std::uint32_t i = 0; i < arguments.size(); ++i) arguments[i] = static_cast<std::uint64_t>(format.word(raw, "args", i).value_or(0));
    if (!id) return;
    const bool last = slots_.processes().count(static_cast<std::int32_t>(thread.tgid)) && slots_.processes().at(static_cast<std::int32_t>(thread.tgid)).size() == 1;
    // As wait(2) would have it. Of who is killed by a signal nobody tells.
    if (*id == SYS_exit_group || (*id == SYS_exit && last)) exit_status_[static_cast<std::int32_t>(thread.tgid)] = static_cast<std::int32_t>((arguments[0] & 0xff) << 8);
    calls_.enter(thread, *id, arguments, {at_.ns, at_.slot, at_.cpu});
  }

  void on_leave(fdr_thread& thread, std::span<const std::uint8_t> raw) {
    const auto id = shape_.support.leave->word(raw, "id"), result = shape_.support.leave->word(raw, "ret");
    if (id && result) calls_.leave(thread, *id, *result, {at_.ns, at_.slot, at_.cpu});
  }

  // Who made a record; one whose birth was lost is known by its process.
  fdr_thread* thread_of(const PerfRecord& record) {
    if (fdr_thread* thread = slots_.find(record.tid)) return thread;
    return record.pid > 0 && record.tid > 0 && !ended_.contains(record.tid) ? slots_.fork(0, record.pid, record.tid, record.pid, record.time_ns) : nullptr;
  }

  std::uint32_t lacks_;
  WindowFile window_;
  ThreadSlots slots_;
  std::vector<SideEvent> side_;
  std::uint64_t side_lost_ = 0;
  PerfRings rings_;
  StackTaker stacks_;
  CallAccount calls_;
  SwitchAccount switches_;
  PerfShape shape_;
  bool heap_asked_;
  bool spared_ = false;
  std::vector<Named> to_arm_;
  RefusedProcesses refused_;
  using Cpus = std::bitset<FDR_MAX_CPUS>;
  std::map<std::int32_t, Cpus> opened_;  // processes, and where their threads have events: opened, or inherited
  std::map<std::int32_t, std::int32_t> exit_status_;  // of processes that are about to end
  std::unordered_set<std::int32_t> ended_;            // threads, in the drain that goes on: records out of order do not revive them
  std::vector<int> online_;
  std::set<int> noted_cpus_;
  std::uint32_t next_slot_ = 0;
  Timestamp closed_{};  // events of ended threads, the last time
  SwitchAccount::At at_{};                            // of the record that is being taken
  std::uint64_t lost_calls_ = 0, unopened_ = 0;
  std::string refusal_;
  std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<EventSource> open_perf_source(const Config& config, PerfSupport support, const WindowLayout& layout, std::uint64_t memory,
                                              const std::string& recorder_name) {
  return std::make_unique<PerfSource>(config, std::move(support), layout, memory, recorder_name);
}

}  // namespace fdr

#include "recorder/decode/decoder.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include "recorder/decode/growth_ledger.hpp"
#include "recorder/decode/stack_decoder.hpp"
#include "recorder/decode/subject.hpp"
#include "recorder/sources/syscall_traits.hpp"

namespace fdr {
namespace {

Duration ns(std::uint64_t value) { return Duration{static_cast<std::int64_t>(value)}; }

SyscallAbi abi_of(std::uint16_t nr) {
  return nr & FDR_NR_COMPAT ? SyscallAbi::kCompat : nr & FDR_NR_X32 ? SyscallAbi::kX32 : SyscallAbi::kNative;
}

StallKind stall_kind(std::uint16_t kind) {
  switch (kind) {
    case FDR_STALL_WAIT: return StallKind::kWait;
    case FDR_STALL_UNINTERRUPTIBLE: return StallKind::kUninterruptible;
    case FDR_STALL_RUNNABLE: return StallKind::kRunnable;
    case FDR_STALL_RECLAIM: return StallKind::kReclaim;
    case FDR_STALL_COMPACTION: return StallKind::kCompaction;
    case FDR_STALL_THROTTLED: return StallKind::kThrottled;
    default: return StallKind::kBlocked;
  }
}

// Of one process, read at one asking: what a thread's stack is must be looked at before it goes on.
constexpr std::size_t kSleepersAtOnce = 32;

std::int64_t sign_extend_48(std::uint64_t value) { return static_cast<std::int64_t>(value << 16) >> 16; }

}  // namespace

class Decoder::Impl {
  using KeyedProcess = std::pair<const std::uint64_t, TrackedProcess>;

 public:
  Impl(Timeline& timeline, ModuleFiles& files, const KernelSymbols& kernel, Timestamp begin, DecodeCounts& counts)
      : timeline_(timeline), stacks_(timeline.stacks, files, kernel), begin_(begin), counts_(counts), traits_(syscall_traits()) {}

  const ProcessTable* table_ = nullptr;
  Bystanders bystanders_;

  void use_processes(const ProcessTable& table) {
    table_ = &table;
    by_pid_.clear();
    for (const KeyedProcess& one : table.processes()) by_pid_[static_cast<std::uint32_t>(one.second.process.pid)].push_back(&one);
  }

  std::uint32_t process_by_key(std::uint64_t key) {
    const auto [entry, fresh] = process_index_.try_emplace(key, static_cast<std::uint32_t>(timeline_.processes.size()));
    if (fresh) timeline_.processes.emplace_back();
    if (const auto found = table_->processes().find(key); found != table_->processes().end())
      timeline_.processes[entry->second] = found->second.process;
    return entry->second;
  }

  std::uint32_t thread_by_id(std::uint32_t id) {
    const auto known = thread_index_.find(id);
    if (known != thread_index_.end()) return known->second;
    const auto found = table_->threads().find(id);
    if (found == table_->threads().end()) return kNoIndex;
    const auto index = static_cast<std::uint32_t>(timeline_.threads.size());
    thread_index_.emplace(id, index);
    timeline_.threads.emplace_back();
    fill_thread(index, found->second);
    return index;
  }

  void fill_thread(std::uint32_t index, const TrackedThread& tracked) {
    Thread& thread = timeline_.threads[index];
    thread.tid = tracked.tid;
    thread.process = process_by_key(tracked.process);
    thread.name = tracked.name;
    thread.started = tracked.started;
    thread.ended = tracked.ended;
    const fdr_thread& a = tracked.account;
    const Timestamp last = tracked.ended.value_or(now_);
    if (a.first_ns) thread.account.observed = std::max(Duration{}, last - from_ns(a.first_ns));
    thread.account.on_cpu = ns(a.cpu_ns);
    thread.account.in_syscalls = ns(a.call_cpu_ns);
    thread.account.run_queue = ns(a.run_delay_ns - a.run_delay_base);
    thread.account.voluntary_switches = a.voluntary;
    thread.account.involuntary_switches = a.involuntary;
    thread.account.syscalls = a.calls;
  }

  const TrackedProcess* process_of_thread(std::uint32_t id) const {
    const auto thread = table_->threads().find(id);
    if (thread == table_->threads().end()) return nullptr;
    const auto process = table_->processes().find(thread->second.process);
    return process == table_->processes().end() ? nullptr : &process->second;
  }

  DecodedStack stack_of(const RecordedStack& part, std::uint32_t thread, Timestamp time) {
    const TrackedProcess* process = process_of_thread(thread);
    return process ? stacks_.decode(part, process->process.pid, process->space_at(time), time) : stacks_.decode(part, 0, nullptr, time);
  }

  void chunk(int ring, const ChunkCopy& copy) {
    if (ring == FDR_SYSCALLS) return syscalls(copy);
    std::span<const std::uint8_t> rest = copy.body.subspan(std::min<std::size_t>(copy.skip, copy.body.size()));
    while (rest.size() >= sizeof(fdr_record)) {
      fdr_record head;
      std::memcpy(&head, rest.data(), sizeof head);
      const std::size_t length = std::size_t{head.len8} * 8;
      if (length < sizeof head || length > rest.size() || !record(ring, copy, head, rest.first(length))) {
        ++counts_.torn[ring];
        return;
      }
      rest = rest.subspan(length);
    }
  }

  void syscalls(const ChunkCopy& copy) {
    for (std::size_t at = copy.skip; at + sizeof(fdr_syscall) <= copy.body.size(); at += sizeof(fdr_syscall)) {
      fdr_syscall raw;
      std::memcpy(&raw, copy.body.data() + at, sizeof raw);
      ++counts_.seen[FDR_SYSCALLS];
      if (from_ns(raw.end_ns) < begin_) continue;
      const int shift = raw.nr & FDR_NR_SCALED ? 10 : 0;
      SyscallCall call;
      call.wall = ns(std::uint64_t{raw.wall} << shift);
      call.cpu = ns(std::uint64_t{raw.cpu} << shift);
      call.begin = from_ns(raw.end_ns) - call.wall;
      call.thread = thread_by_id(raw.thread);
      call.number = raw.nr & FDR_NR_MASK;
      call.abi = abi_of(raw.nr);
      call.cpu_id = static_cast<std::uint16_t>(copy.cpu);
      call.result = sign_extend_48(std::uint64_t{raw.ret_high} << 32 | raw.ret_low);
      call.argument = raw.argument;
      timeline_.syscalls.push_back(call);
      ++counts_.kept[FDR_SYSCALLS];
    }
    if (copy.body.size() % sizeof(fdr_syscall)) ++counts_.torn[FDR_SYSCALLS];
  }

  // False: the record cannot be what its ring holds.
  bool record(int ring, const ChunkCopy& copy, const fdr_record& head, std::span<const std::uint8_t> bytes) {
    ++counts_.seen[ring];
    if (from_ns(head.ns) < begin_) return true;
    switch (ring) {
      case FDR_STACKS: return sample(copy, head, bytes);
      case FDR_STALLS: return stall(head, bytes);
      case FDR_GROWTH: return growth(head, bytes);
      case FDR_SLOW: return detailed(ring, copy, head, bytes, timeline_.slow);
      case FDR_FAILED: return detailed(ring, copy, head, bytes, timeline_.failed);
      case FDR_BYSTANDERS: ++counts_.kept[ring]; return bystanders_.ended(bytes);
      default: ++counts_.kept[ring]; return true;  // life: the process table has it
    }
  }

  bool sample(const ChunkCopy& copy, const fdr_record& head, std::span<const std::uint8_t> bytes) {
    RecordedStack part;
    if (!read_stack(bytes, sizeof head, part)) return false;
    StackSample sample;
    sample.time = from_ns(head.ns);
    sample.thread = thread_by_id(head.thread);
    sample.cpu = static_cast<std::uint16_t>(copy.cpu);
    sample.in_kernel = part.header.flags & FDR_STACK_IN_KERNEL;
    const DecodedStack decoded = stack_of(part, head.thread, sample.time);
    sample.stack = decoded.stack;
    sample.end = decoded.end;
    counts_.copied_samples += (part.header.flags & FDR_STACK_COPIED) != 0;
    timeline_.samples.push_back(sample);
    ++counts_.kept[FDR_STACKS];
    return true;
  }

  bool stall(const fdr_record& head, std::span<const std::uint8_t> bytes) {
    constexpr std::size_t kFixed = offsetof(fdr_stall, stack);
    if (bytes.size() < kFixed) return false;
    fdr_stall raw{};
    std::memcpy(&raw, bytes.data(), kFixed);
    Stall stall;
    stall.length = ns(raw.length_ns);
    stall.begin = from_ns(head.ns) - stall.length;
    stall.thread = thread_by_id(head.thread);
    stall.kind = stall_kind(head.kind);
    stall.syscall = raw.syscall < 0 ? -1 : raw.syscall & FDR_NR_MASK;
    if (stall.kind == StallKind::kRunnable) stall.run_queue = stall.length;
    if (raw.has_stack) {
      RecordedStack part;
      if (!read_stack(bytes, kFixed, part)) return false;
      const DecodedStack decoded = stack_of(part, head.thread, stall.begin);
      stall.stack = decoded.stack;
      stall.end = decoded.end;
    }
    if (stall.stack == kNoStack) take_sleeping(stall, head.thread);
    timeline_.stalls.push_back(stall);
    ++counts_.kept[FDR_STALLS];
    return true;
  }

  bool growth(const fdr_record& head, std::span<const std::uint8_t> bytes) {
    constexpr std::size_t kFixed = offsetof(fdr_growth, stack);
    if (bytes.size() < kFixed) return false;
    fdr_growth raw{};
    std::memcpy(&raw, bytes.data(), kFixed);
    ++counts_.kept[FDR_GROWTH];
    const std::uint32_t thread = thread_by_id(head.thread);
    if (head.kind == FDR_GROWTH_BACK) {
      if (thread != kNoIndex) gave_back_.push_back({from_ns(head.ns), timeline_.threads[thread].process, raw.address, raw.bytes});
      return true;
    }
    RecordedStack part;
    if (!read_stack(bytes, kFixed, part)) return false;
    Growth growth;
    growth.time = from_ns(head.ns);
    growth.thread = thread;
    growth.kind = head.kind == FDR_GROWTH_FILE ? GrowthKind::kFile : head.kind == FDR_GROWTH_SHARED ? GrowthKind::kShared : GrowthKind::kAnonymous;
    growth.bytes = raw.bytes;
    growth.address = raw.address;
    const DecodedStack decoded = stack_of(part, head.thread, growth.time);
    growth.stack = decoded.stack;
    growth.end = decoded.end;
    timeline_.growth.push_back(std::move(growth));
    return true;
  }

  bool detailed(int ring, const ChunkCopy& copy, const fdr_record& head, std::span<const std::uint8_t> bytes,
                std::vector<DetailedCall>& calls) {
    constexpr std::size_t kFixed = offsetof(fdr_call, stack);
    RecordedStack part;
    if (bytes.size() < kFixed || !read_stack(bytes, kFixed, part)) return false;
    fdr_call raw{};
    std::memcpy(&raw, bytes.data(), kFixed);
    DetailedCall detail;
    detail.call.wall = ns(raw.wall);
    detail.call.cpu = ns(raw.cpu);
    detail.call.begin = from_ns(head.ns) - detail.call.wall;
    detail.call.thread = thread_by_id(head.thread);
    detail.call.number = raw.nr & FDR_NR_MASK;
    detail.call.abi = abi_of(raw.nr);
    detail.call.cpu_id = static_cast<std::uint16_t>(copy.cpu);
    detail.call.result = raw.ret;
    detail.call.argument = raw.args[0];
    std::copy(std::begin(raw.args), std::end(raw.args), detail.arguments.begin());
    detail.subject = subject_text(raw);
    const DecodedStack decoded = stack_of(part, head.thread, from_ns(head.ns));
    detail.stack = decoded.stack;
    detail.end = decoded.end;
    calls.push_back(std::move(detail));
    ++counts_.kept[ring];
    return true;
  }

  void open_stall(const fdr_thread& thread, const std::vector<fdr_parked>& parked, Timestamp now, Duration least) {
    if (thread.on_ns || thread.flags & (FDR_THREAD_EXITED | FDR_THREAD_MUTE)) return;
    const auto sleeping = sleeping_.find(thread.id);
    // Asleep since before the recording began: where is known only of those whose stack could be read.
    if (!thread.out_ns && (thread.cpu_ns || sleeping == sleeping_.end())) return;
    Stall stall;
    stall.begin = since(thread);
    stall.length = now - stall.begin;
    if (stall.length < least) return;
    stall.thread = thread_by_id(thread.id);
    stall.open = true;
    stall.syscall = thread.flags & FDR_THREAD_IN_CALL ? static_cast<std::int32_t>(thread.nr & FDR_NR_MASK) : -1;
    if (!thread.out_ns) stall.syscall = sleeping->second.syscall;
    // TASK_UNINTERRUPTIBLE is bit 1 of the state (include/linux/sched.h); 0 is runnable.
    if (thread.out_ns && thread.out_state == 0) stall.kind = StallKind::kRunnable, stall.run_queue = stall.length;
    else if (thread.out_state == FDR_STATE_THROTTLED) stall.kind = StallKind::kThrottled;
    else if (thread.out_state & 2) stall.kind = StallKind::kUninterruptible;
    else stall.kind = waits_by_nature(stall.syscall) ? StallKind::kWait : StallKind::kBlocked;
    const fdr_parked& place = parked[thread.id & (FDR_PARKED - 1)];
    const std::span whole(reinterpret_cast<const std::uint8_t*>(&place), sizeof place);
    if (RecordedStack part; place.thread == thread.id && place.out_ns == thread.out_ns && read_stack(whole, offsetof(fdr_parked, stack), part)) {
      const DecodedStack decoded = stack_of(part, thread.id, stall.begin);
      stall.stack = decoded.stack;
      stall.end = decoded.end;
    }
    if (stall.stack == kNoStack) take_sleeping(stall, thread.id);
    timeline_.stalls.push_back(stall);
  }

  void read_sleeping(const std::vector<fdr_thread>& threads, Timestamp now, Duration most) {
    std::map<std::uint64_t, std::vector<const fdr_thread*>> asleep;  // by process, in the order they appeared
    for (const fdr_thread& thread : threads) {
      if (thread.on_ns || thread.flags & (FDR_THREAD_EXITED | FDR_THREAD_MUTE)) continue;
      if (process_of_thread(thread.id)) asleep[table_->threads().at(thread.id).process].push_back(&thread);
    }
    for (const auto& [key, all] : asleep) {
      const auto space = table_->processes().at(key).space_at(now);
      for (std::span<const fdr_thread* const> rest = all; !rest.empty();) {
        if (MonotonicClock::now() - now > most) return;
        const auto some = rest.first(std::min(rest.size(), kSleepersAtOnce));
        read_sleeping(some, space, now);
        rest = rest.subspan(some.size());
      }
    }
  }

  // Of one process.
  void read_sleeping(std::span<const fdr_thread* const> threads, const std::shared_ptr<AddressSpace>& space, Timestamp now) {
    std::vector<std::int32_t> tids;
    for (const fdr_thread* thread : threads) tids.push_back(static_cast<std::int32_t>(thread->tid));
    const std::vector<SleepingStack> stacks = stacks_.read_sleeping(static_cast<std::int32_t>(threads.front()->tgid), tids, space, now);
    for (std::size_t i = 0; i < stacks.size(); ++i)
      if (stacks[i].decoded.stack != kNoStack) sleeping_[threads[i]->id] = {since(*threads[i]), stacks[i].decoded, stacks[i].syscall};
  }

  // Off the CPU since then, or for longer than the recording.
  static Timestamp since(const fdr_thread& thread) { return from_ns(thread.out_ns ? thread.out_ns : thread.first_ns); }

  // The stack that was read while this stall lasted.
  void take_sleeping(Stall& stall, std::uint32_t thread) {
    const auto found = sleeping_.find(thread);
    if (found == sleeping_.end() || found->second.since != stall.begin) return;
    stall.stack = found->second.decoded.stack;
    stall.end = found->second.decoded.end;
  }

  bool waits_by_nature(std::int32_t number) const {
    return number >= 0 && number < FDR_SYSCALLS_MAX && traits_[static_cast<std::size_t>(number)] & FDR_TRAIT_WAITS;
  }

  const KeyedProcess* tracked_at(std::uint32_t tgid, Timestamp time) const {
    const auto all = by_pid_.find(tgid);
    if (all == by_pid_.end()) return nullptr;
    const KeyedProcess* found = nullptr;
    for (const KeyedProcess* one : all->second) {
      const Process& process = one->second.process;
      if (!found || !process.started || *process.started <= time) found = one;
    }
    return found;
  }

  std::uint32_t process_at(std::uint32_t tgid, Timestamp time) {
    const KeyedProcess* const found = tracked_at(tgid, time);
    return found ? process_by_key(found->first) : kNoIndex;
  }

  HeldBlocks held(const HeapReading& reading) {
    HeldBlocks result{.every_bytes = kHeapSampleBytes, .since = reading.since, .sampled = reading.counts.sampled, .blocks = {}};
    std::unordered_map<std::uint64_t, const fdr_heap_stack*> stacks;
    for (const auto& [key, stack] : reading.stacks) stacks.emplace(key, &stack);
    std::map<std::pair<std::uint64_t, Timestamp>, DecodedStack> decoded;  // by key, and the program it belongs to
    for (const auto& [key, block] : reading.blocks) {
      const Timestamp time = from_ns(block.ns);
      const KeyedProcess* const owner = tracked_at(key.tgid, time);
      if (!owner) continue;
      const TrackedProcess& process = owner->second;
      // Its memory went with the program that an exec replaced, or it is another process's of that pid.
      const Timestamp started = process.process.started.value_or(Timestamp{});
      const Timestamp begun = process.spaces.empty() ? started : std::max(started, process.spaces.back().since);
      if (time < begun) continue;
      Held held{.time = time, .process = process_by_key(owner->first), .size = block.size};
      if (const auto stack = stacks.find(block.stack); stack != stacks.end()) {
        const auto [entry, fresh] = decoded.try_emplace({block.stack, begun});
        if (fresh) entry->second = stacks_.decode(heap_frames(*stack->second), process.process.pid, process.space_at(time), time);
        held.stack = entry->second.stack;
      }
      result.blocks.push_back(held);
    }
    std::stable_sort(result.blocks.begin(), result.blocks.end(), [](const Held& a, const Held& b) { return a.time < b.time; });
    return result;
  }

  static RecordedStack heap_frames(const fdr_heap_stack& stack) {
    RecordedStack part;
    const std::size_t frames = std::min<std::size_t>(stack.frames, FDR_HEAP_FRAMES);
    part.header.end = static_cast<fdr_u8>(stack.end);
    part.user.assign(stack.frame, stack.frame + frames);
    return part;
  }

  void finish(Timestamp now) {
    now_ = now;
    for (const auto& [key, tracked] : table_->processes()) process_by_key(key);
    for (const auto& [id, tracked] : table_->threads()) {
      const std::uint32_t index = thread_by_id(id);
      fill_thread(index, tracked);
    }
    const auto by_time = [](const auto& a, const auto& b) { return a.time < b.time; };
    const auto by_begin = [](const auto& a, const auto& b) { return a.begin < b.begin; };
    const auto by_call = [](const DetailedCall& a, const DetailedCall& b) { return a.call.begin < b.call.begin; };
    for (const LifeEvent& event : table_->life()) {
      if (event.time < begin_) continue;
      timeline_.life.push_back(event);
      if (event.thread != kNoIndex) timeline_.life.back().thread = thread_by_id(event.thread);
    }
    std::stable_sort(timeline_.life.begin(), timeline_.life.end(), by_time);
    std::stable_sort(timeline_.samples.begin(), timeline_.samples.end(), by_time);
    std::stable_sort(timeline_.syscalls.begin(), timeline_.syscalls.end(), by_begin);
    std::stable_sort(timeline_.stalls.begin(), timeline_.stalls.end(), by_begin);
    std::stable_sort(timeline_.slow.begin(), timeline_.slow.end(), by_call);
    std::stable_sort(timeline_.failed.begin(), timeline_.failed.end(), by_call);
    settle(timeline_.growth, gave_back_, [this](std::uint32_t thread) { return timeline_.threads[thread].process; });
  }

 private:
  Timeline& timeline_;
  StackDecoder stacks_;
  Timestamp begin_, now_{};
  DecodeCounts& counts_;
  std::array<std::uint8_t, FDR_SYSCALLS_MAX> traits_;
  std::unordered_map<std::uint32_t, std::vector<const KeyedProcess*>> by_pid_;  // of table_, in the order they appeared
  std::unordered_map<std::uint32_t, std::uint32_t> thread_index_;
  std::unordered_map<std::uint64_t, std::uint32_t> process_index_;
  std::vector<GaveBack> gave_back_;
  struct Sleeping {
    Timestamp since;
    DecodedStack decoded;
    std::int32_t syscall;
  };
  std::unordered_map<std::uint32_t, Sleeping> sleeping_;  // by wire id
};

Decoder::Decoder(Timeline& timeline, ModuleFiles& files, const KernelSymbols& kernel, Timestamp begin)
    : impl_(std::make_unique<Impl>(timeline, files, kernel, begin, counts_)) {}
Decoder::~Decoder() = default;

void Decoder::use_processes(const ProcessTable& table) { impl_->use_processes(table); }

void Decoder::decode(const Snapshot& snapshot) {
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    counts_.overtaken[ring] += snapshot.ring(ring).overtaken;
    for (const ChunkCopy& copy : snapshot.ring(ring).chunks) impl_->chunk(ring, copy);
  }
}

void Decoder::read_sleeping(const std::vector<fdr_thread>& threads, Timestamp now, Duration most) { impl_->read_sleeping(threads, now, most); }

void Decoder::decode_open_stalls(const std::vector<fdr_thread>& threads, const std::vector<fdr_parked>& parked, Timestamp now,
                                 Duration least) {
  for (const fdr_thread& thread : threads) impl_->open_stall(thread, parked, now, least);
}

HeldBlocks Decoder::decode_held(const HeapReading& reading) { return impl_->held(reading); }
const Bystanders& Decoder::bystanders() const { return impl_->bystanders_; }
void Decoder::finish(Timestamp now) { impl_->finish(now); }
std::uint32_t Decoder::process_index(std::uint32_t tgid, Timestamp time) { return impl_->process_at(tgid, time); }

}  // namespace fdr

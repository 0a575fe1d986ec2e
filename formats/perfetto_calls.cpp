#include "formats/perfetto_calls.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace fdr::perfetto {
namespace {

constexpr std::size_t kChunkCalls = 4096;
constexpr std::uint16_t kFirstUnknownNumber = 550;  // Perfetto drops numbers from here on
constexpr std::uint16_t kFirstX32Number = 512;      // x32's own calls; those below are the 64-bit ones

bool is_native(const SyscallCall& call, const Timeline& timeline) {
  const bool named_right = call.abi == SyscallAbi::kNative
                               ? call.number < kFirstUnknownNumber
                               : call.abi == SyscallAbi::kX32 && call.number < kFirstX32Number;
  return named_right && call.cpu_id < kMaxCpus && call.wall.count() >= 0 && call.thread < timeline.threads.size();
}

// A call under way when the window began is drawn from there: its true begin may be days earlier and would stretch the
// view.
std::uint64_t drawn_early_ns(const SyscallCall& call, const Timeline& timeline) {
  const bool straddles = call.begin < timeline.begin && timeline.begin - call.begin < call.wall;
  return straddles ? static_cast<std::uint64_t>((timeline.begin - call.begin).count()) : 0;
}

template <class Value>
void put_list(protozero::pbf_writer& message, Field field, const std::vector<std::uint32_t>& group, Value&& value) {
  protozero::packed_field_uint64 list{message, field};
  for (const std::uint32_t index : group) list.add_element(value(index));
}

template <class Value>
void put_signed_list(protozero::pbf_writer& message, Field field, const std::vector<std::uint32_t>& group,
                     Value&& value) {
  protozero::packed_field_sint64 list{message, field};
  for (const std::uint32_t index : group) list.add_element(value(index));
}

class CallWriter {
 public:
  CallWriter(const Timeline& timeline, const TraceClock& clock) : timeline_(timeline), clock_(clock) {}

  void put_bundle(protozero::pbf_writer& packet, std::uint16_t cpu, const std::vector<std::uint32_t>& group) {
    protozero::pbf_writer bundle{packet, packet::kFtraceEvents};
    bundle.add_uint32(ftrace::kCpu, cpu);
    for (const std::uint32_t index : group) {
      const SyscallCall& call = timeline_.syscalls[index];
      const auto tid = static_cast<std::uint32_t>(timeline_.threads[call.thread].tid);
      const std::uint64_t begin = clock_.to_trace(call.begin);
      inner_.clear();
      protozero::pbf_writer enter{inner_};
      enter.add_int64(ftrace::kId, call.number);
      enter.add_uint64(ftrace::kArgs, call.argument);
      put_event(bundle, begin + drawn_early_ns(call, timeline_), tid, ftrace::kSysEnter);
      inner_.clear();
      protozero::pbf_writer exit{inner_};
      exit.add_int64(ftrace::kId, call.number);
      exit.add_int64(ftrace::kRet, call.result);
      put_event(bundle, begin + static_cast<std::uint64_t>(call.wall.count()), tid, ftrace::kSysExit);
    }
  }

  void put_companion(protozero::pbf_writer& message, std::uint64_t first, const std::vector<std::uint32_t>& group) {
    message.add_uint64(calls::kFirst, first);
    std::uint64_t previous = first;
    put_list(message, calls::kPositions, group,
             [&](std::uint32_t index) { return index - std::exchange(previous, index); });
    put_list(message, calls::kThreads, group, [&](std::uint32_t index) { return index_to_trace(call(index).thread); });
    put_list(message, calls::kCpuTimes, group,
             [&](std::uint32_t index) { return static_cast<std::uint64_t>(call(index).cpu.count()); });
    if (std::any_of(group.begin(), group.end(), [&](auto index) { return call(index).abi != SyscallAbi::kNative; }))
      put_list(message, calls::kAbis, group,
               [&](std::uint32_t index) { return static_cast<std::uint64_t>(call(index).abi); });
  }

  // Pairs (place in the group, nanoseconds), for the few calls that are drawn later than they began.
  void put_early(protozero::pbf_writer& message, const std::vector<std::uint32_t>& group) {
    protozero::packed_field_uint64 list{message, calls::kEarly};
    for (std::size_t i = 0; i < group.size(); ++i) {
      const std::uint64_t early = drawn_early_ns(call(group[i]), timeline_);
      if (!early) continue;
      list.add_element(i);
      list.add_element(early);
    }
  }

  void put_lists_of_foreign(protozero::pbf_writer& message, const std::vector<std::uint32_t>& group) {
    put_list(message, calls::kBegins, group, [&](std::uint32_t index) { return clock_.to_trace(call(index).begin); });
    put_list(message, calls::kWalls, group,
             [&](std::uint32_t index) { return static_cast<std::uint64_t>(call(index).wall.count()); });
    put_list(message, calls::kNumbers, group, [&](std::uint32_t index) { return call(index).number; });
    put_list(message, calls::kCpuIds, group, [&](std::uint32_t index) { return call(index).cpu_id; });
    put_signed_list(message, calls::kResults, group, [&](std::uint32_t index) { return call(index).result; });
    put_list(message, calls::kArguments, group, [&](std::uint32_t index) { return call(index).argument; });
  }

 private:
  const SyscallCall& call(std::uint32_t index) const { return timeline_.syscalls[index]; }

  // One FtraceEvent around inner_.
  void put_event(protozero::pbf_writer& bundle, std::uint64_t time, std::uint32_t tid, Field kind) {
    event_.clear();
    protozero::pbf_writer event{event_};
    event.add_uint64(ftrace::kTimestamp, time);
    event.add_uint32(ftrace::kTid, tid);
    event.add_message(kind, inner_);
    bundle.add_message(ftrace::kEvent, event_);
  }

  const Timeline& timeline_;
  const TraceClock& clock_;
  std::string inner_, event_;
};

// Lists of the message, by field.
struct Lists {
  std::uint64_t first = 0;
  std::map<Field, std::string_view> packed;

  explicit Lists(std::string_view message) {
    for (FieldCursor f(message); f.next();) {
      if (f.field() == calls::kFirst)
        first = f.number();
      else if (f.field() >= calls::kPositions && f.field() <= calls::kArguments)
        packed[f.field()] = f.bytes();
    }
  }
  PackedCursor list(Field field) const {
    const auto found = packed.find(field);
    return PackedCursor(found == packed.end() ? std::string_view{} : found->second);
  }
};

// The native half: calls without thread, CPU time and ABI.
std::vector<SyscallCall> calls_of_bundle(std::string_view bundle, const TraceClock& clock) {
  std::vector<SyscallCall> found;
  std::uint16_t cpu = 0;
  bool entered = false;
  for (FieldCursor f(bundle); f.next();) {
    if (f.field() == ftrace::kCpu) cpu = f.integer<std::uint16_t>();
    if (f.field() != ftrace::kEvent) continue;
    Timestamp time{};
    for (FieldCursor event(f.bytes()); event.next();) {
      if (event.field() == ftrace::kTimestamp) {
        time = clock.from_trace(event.number());
      } else if (event.field() == ftrace::kSysEnter) {
        if (entered) throw Damage("a system call that does not return before the next");
        entered = true;
        SyscallCall call;
        call.begin = time;
        for (FieldCursor enter(event.bytes()); enter.next();) {
          if (enter.field() == ftrace::kId) call.number = enter.integer<std::uint16_t>();
          if (enter.field() == ftrace::kArgs) call.argument = enter.number();
        }
        found.push_back(call);
      } else if (event.field() == ftrace::kSysExit) {
        if (!entered) throw Damage("a return without its system call");
        entered = false;
        found.back().wall = checked_duration(static_cast<std::uint64_t>((time - found.back().begin).count()));
        for (FieldCursor exit(event.bytes()); exit.next();)
          if (exit.field() == ftrace::kRet) found.back().result = exit.integer<std::int64_t>();
      }
    }
  }
  if (entered) throw Damage("a system call without its return");
  for (SyscallCall& call : found) call.cpu_id = cpu;
  return found;
}

std::vector<SyscallCall> calls_of_lists(const Lists& lists, const TraceClock& clock) {
  std::vector<SyscallCall> found;
  PackedCursor begins = lists.list(calls::kBegins), walls = lists.list(calls::kWalls),
               numbers = lists.list(calls::kNumbers), cpus = lists.list(calls::kCpuIds),
               results = lists.list(calls::kResults), arguments = lists.list(calls::kArguments);
  while (begins.more()) {
    SyscallCall call;
    call.begin = clock.from_trace(begins.next());
    call.wall = checked_duration(walls.next());
    call.number = checked_integer<std::uint16_t>(numbers.next());
    call.cpu_id = checked_integer<std::uint16_t>(cpus.next());
    call.result = results.next_signed();
    call.argument = arguments.next();
    found.push_back(call);
  }
  return found;
}

}  // namespace

void put_calls(PacketStream& stream, const Timeline& timeline, const TraceClock& clock) {
  CallWriter writer(timeline, clock);
  for (std::size_t first = 0; first < timeline.syscalls.size(); first += kChunkCalls) {
    const std::size_t end = std::min(first + kChunkCalls, timeline.syscalls.size());
    std::map<std::uint16_t, std::vector<std::uint32_t>> by_cpu;
    std::vector<std::uint32_t> foreign;
    for (std::size_t i = first; i < end; ++i) {
      const SyscallCall& call = timeline.syscalls[i];
      (is_native(call, timeline) ? by_cpu[call.cpu_id] : foreign).push_back(static_cast<std::uint32_t>(i));
    }
    for (const auto& entry : by_cpu) {  // clang 14 does not let a lambda capture a structured binding
      const std::vector<std::uint32_t>& group = entry.second;
      stream.packet(Sequence::kMain, [&](protozero::pbf_writer& packet) {
        writer.put_bundle(packet, entry.first, group);
        protozero::pbf_writer companion{packet, packet::kFdrCalls};
        writer.put_companion(companion, first, group);
        writer.put_early(companion, group);
      });
    }
    if (foreign.empty()) continue;
    stream.packet(Sequence::kMain, [&](protozero::pbf_writer& packet) {
      protozero::pbf_writer companion{packet, packet::kFdrCalls};
      writer.put_companion(companion, first, foreign);
      writer.put_lists_of_foreign(companion, foreign);
    });
  }
}

std::size_t CallCollector::add(std::string_view message, std::optional<std::string_view> bundle,
                               const TraceClock& clock, std::size_t thread_count) {
  const Lists lists(message);
  std::vector<SyscallCall> found = bundle ? calls_of_bundle(*bundle, clock) : calls_of_lists(lists, clock);

  std::uint64_t least_place = 0;  // each call once: otherwise many times that can be would add up to one that cannot
  for (PackedCursor early = lists.list(calls::kEarly); early.more();) {
    const std::uint64_t place = early.next();
    const Duration by = checked_duration(early.next());
    if (place < least_place || place >= found.size()) throw Damage("a place outside its list");
    least_place = place + 1;
    SyscallCall& call = found[place];
    call.begin -= by;
    call.wall += by;
    checked_duration(static_cast<std::uint64_t>(to_ns(call.begin)));
    checked_duration(static_cast<std::uint64_t>(call.wall.count()));
  }
  PackedCursor threads = lists.list(calls::kThreads), cpu_times = lists.list(calls::kCpuTimes),
               abis = lists.list(calls::kAbis), positions = lists.list(calls::kPositions);
  const bool has_abis = abis.more();
  if (lists.first != chunk_) settle();
  chunk_ = lists.first;
  std::uint64_t position = lists.first;
  for (SyscallCall& call : found) {
    call.thread = index_from_trace(checked_integer<std::uint32_t>(threads.next()));
    if (call.thread != kNoIndex && call.thread >= thread_count) throw Damage("a thread that is not in the table");
    call.cpu = checked_duration(cpu_times.next());
    if (has_abis) call.abi = checked_enum(abis.next(), SyscallAbi::kX32);
    position += positions.next();
    pending_.push_back({position, call});
  }
  if (positions.more()) throw Damage("lists of different length");
  return found.size();
}

void CallCollector::settle() {
  std::stable_sort(pending_.begin(), pending_.end(),
                   [](const Placed& a, const Placed& b) { return a.position < b.position; });
  for (const Placed& placed : pending_) done_.push_back(placed.call);
  pending_.clear();
}

std::vector<SyscallCall> CallCollector::take() {
  settle();
  return std::move(done_);
}

}  // namespace fdr::perfetto

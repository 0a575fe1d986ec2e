#include "formats/perfetto_records.hpp"

namespace fdr::perfetto {
namespace {

using Message = protozero::pbf_writer;

std::uint64_t ns(Duration duration) { return static_cast<std::uint64_t>(duration.count()); }

// Zero and "" are what an absent field reads as, so they are not written; but for one field of each message, since
// protozero leaves out a message without any, and the row would be lost.
void add(Message& message, Field field, std::uint64_t value) {
  if (value) message.add_uint64(field, value);
}
void add_signed(Message& message, Field field, std::int64_t value) {
  add(message, field, static_cast<std::uint64_t>(value));
}
void add(Message& message, Field field, const std::string& text) {
  if (!text.empty()) message.add_string(field, text);
}
void add(Message& message, Field field, const std::optional<Timestamp>& time, const TraceClock& clock) {
  if (time) message.add_uint64(field, clock.to_trace(*time));
}
template <class Enum>
void add_enum(Message& message, Field field, Enum value) {
  add(message, field, static_cast<std::uint64_t>(value));
}

}  // namespace

void put(Message& message, const Process& p, const TraceClock& clock) {
  message.add_int32(process::kPid, p.pid);
  add_signed(message, process::kParent, p.parent);
  add(message, process::kStartBoottime, p.start_boottime_ns);
  add(message, process::kName, p.name);
  add(message, process::kExecutable, p.executable);
  for (const std::string& argument : p.command_line) message.add_string(process::kArgument, argument);
  add(message, process::kStarted, p.started, clock);
  add(message, process::kEnded, p.ended, clock);
  if (p.wait_status) message.add_int64(process::kWaitStatus, *p.wait_status);
  add(message, process::kTarget, p.target);
}

void get(std::string_view message, Process& p, const TraceClock& clock) {
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case process::kPid:
        p.pid = f.integer<std::int32_t>();
        break;
      case process::kParent:
        p.parent = f.integer<std::int32_t>();
        break;
      case process::kStartBoottime:
        p.start_boottime_ns = f.number();
        break;
      case process::kName:
        p.name = f.text();
        break;
      case process::kExecutable:
        p.executable = f.text();
        break;
      case process::kArgument:
        p.command_line.push_back(f.text());
        break;
      case process::kStarted:
        p.started = clock.from_trace(f.number());
        break;
      case process::kEnded:
        p.ended = clock.from_trace(f.number());
        break;
      case process::kWaitStatus:
        p.wait_status = f.integer<int>();
        break;
      case process::kTarget:
        p.target = f.text();
        break;
      default:
        break;
    }
  }
}

void put(Message& message, const Thread& t, const TraceClock& clock) {
  message.add_int32(thread::kTid, t.tid);
  add(message, thread::kProcess, index_to_trace(t.process));
  add(message, thread::kName, t.name);
  add(message, thread::kStarted, t.started, clock);
  add(message, thread::kEnded, t.ended, clock);
  add(message, thread::kObserved, ns(t.account.observed));
  add(message, thread::kOnCpu, ns(t.account.on_cpu));
  add(message, thread::kInSyscalls, ns(t.account.in_syscalls));
  add(message, thread::kRunQueue, ns(t.account.run_queue));
  add(message, thread::kVoluntary, t.account.voluntary_switches);
  add(message, thread::kInvoluntary, t.account.involuntary_switches);
  add(message, thread::kSyscalls, t.account.syscalls);
}

void get(std::string_view message, Thread& t, const TraceClock& clock) {
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case thread::kTid:
        t.tid = f.integer<std::int32_t>();
        break;
      case thread::kProcess:
        t.process = f.index();
        break;
      case thread::kName:
        t.name = f.text();
        break;
      case thread::kStarted:
        t.started = clock.from_trace(f.number());
        break;
      case thread::kEnded:
        t.ended = clock.from_trace(f.number());
        break;
      case thread::kObserved:
        t.account.observed = f.duration();
        break;
      case thread::kOnCpu:
        t.account.on_cpu = f.duration();
        break;
      case thread::kInSyscalls:
        t.account.in_syscalls = f.duration();
        break;
      case thread::kRunQueue:
        t.account.run_queue = f.duration();
        break;
      case thread::kVoluntary:
        t.account.voluntary_switches = f.number();
        break;
      case thread::kInvoluntary:
        t.account.involuntary_switches = f.number();
        break;
      case thread::kSyscalls:
        t.account.syscalls = f.number();
        break;
      default:
        break;
    }
  }
}

void put(Message& message, const DetailedCall& d, const TraceClock& clock) {
  message.add_uint64(detailed::kBegin, clock.to_trace(d.call.begin));
  add(message, detailed::kWall, ns(d.call.wall));
  add(message, detailed::kCpu, ns(d.call.cpu));
  add(message, detailed::kThread, index_to_trace(d.call.thread));
  add(message, detailed::kNumber, d.call.number);
  add_enum(message, detailed::kAbi, d.call.abi);
  add(message, detailed::kCpuId, d.call.cpu_id);
  add_signed(message, detailed::kResult, d.call.result);
  add(message, detailed::kArgument, d.call.argument);
  message.add_packed_uint64(detailed::kArguments, d.arguments.begin(), d.arguments.end());
  add(message, detailed::kSubject, d.subject);
  add(message, detailed::kStack, index_to_trace(d.stack));
  add_enum(message, detailed::kEnd, d.end);
}

void get(std::string_view message, DetailedCall& d, const TraceClock& clock) {
  d.end = WalkEnd::kRoot;  // the value of an absent field
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case detailed::kBegin:
        d.call.begin = clock.from_trace(f.number());
        break;
      case detailed::kWall:
        d.call.wall = f.duration();
        break;
      case detailed::kCpu:
        d.call.cpu = f.duration();
        break;
      case detailed::kThread:
        d.call.thread = f.index();
        break;
      case detailed::kNumber:
        d.call.number = f.integer<std::uint16_t>();
        break;
      case detailed::kAbi:
        d.call.abi = f.enumeration(SyscallAbi::kX32);
        break;
      case detailed::kCpuId:
        d.call.cpu_id = f.integer<std::uint16_t>();
        break;
      case detailed::kResult:
        d.call.result = f.integer<std::int64_t>();
        break;
      case detailed::kArgument:
        d.call.argument = f.number();
        break;
      case detailed::kArguments: {
        PackedCursor packed(f.bytes());
        for (std::uint64_t& argument : d.arguments) argument = packed.next();
        break;
      }
      case detailed::kSubject:
        d.subject = f.text();
        break;
      case detailed::kStack:
        d.stack = f.index();
        break;
      case detailed::kEnd:
        d.end = f.enumeration(WalkEnd::kNotWalked);
        break;
      default:
        break;
    }
  }
}

void put(Message& message, const SyscallSummary& s, const TraceClock& clock) {
  message.add_uint64(summary::kBegin, clock.to_trace(s.begin));
  add(message, summary::kInterval, ns(s.interval));
  add(message, summary::kProcess, index_to_trace(s.process));
  add(message, summary::kNumber, s.number);
  add_enum(message, summary::kAbi, s.abi);
  add(message, summary::kCalls, s.calls);
  add(message, summary::kErrors, s.errors);
  add(message, summary::kWall, ns(s.wall));
  add(message, summary::kCpu, ns(s.cpu));
  add(message, summary::kMax, ns(s.max));
  message.add_packed_uint32(summary::kHistogram, s.histogram.begin(), s.histogram.end());
}

void get(std::string_view message, SyscallSummary& s, const TraceClock& clock) {
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case summary::kBegin:
        s.begin = clock.from_trace(f.number());
        break;
      case summary::kInterval:
        s.interval = f.duration();
        break;
      case summary::kProcess:
        s.process = f.index();
        break;
      case summary::kNumber:
        s.number = f.integer<std::uint16_t>();
        break;
      case summary::kAbi:
        s.abi = f.enumeration(SyscallAbi::kX32);
        break;
      case summary::kCalls:
        s.calls = f.number();
        break;
      case summary::kErrors:
        s.errors = f.number();
        break;
      case summary::kWall:
        s.wall = f.duration();
        break;
      case summary::kCpu:
        s.cpu = f.duration();
        break;
      case summary::kMax:
        s.max = f.duration();
        break;
      case summary::kHistogram: {
        PackedCursor packed(f.bytes());
        for (std::uint32_t& bucket : s.histogram) bucket = checked_integer<std::uint32_t>(packed.next());
        break;
      }
      default:
        break;
    }
  }
}

void put(Message& message, const ErrorCount& e, const TraceClock&) {
  add(message, error_count::kProcess, index_to_trace(e.process));
  add(message, error_count::kNumber, e.number);
  add_signed(message, error_count::kError, e.error);
  message.add_uint64(error_count::kCount, e.count);
}

void get(std::string_view message, ErrorCount& e, const TraceClock&) {
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case error_count::kProcess:
        e.process = f.index();
        break;
      case error_count::kNumber:
        e.number = f.integer<std::uint16_t>();
        break;
      case error_count::kError:
        e.error = f.integer<int>();
        break;
      case error_count::kCount:
        e.count = f.number();
        break;
      default:
        break;
    }
  }
}

void put(Message& message, const FailedSum& s, const TraceClock& clock) {
  add(message, failing::kProcess, s.process);
  add_signed(message, failing::kPid, s.pid);
  for (const std::string& ancestor : s.ancestors) message.add_string(failing::kAncestor, ancestor);
  add(message, failing::kOfTarget, s.of_target);
  add(message, failing::kNumber, s.number);
  add_enum(message, failing::kAbi, s.abi);
  add_signed(message, failing::kError, s.error);
  add(message, failing::kDirectory, s.directory);
  add(message, failing::kExample, s.example);
  message.add_uint64(failing::kCalls, s.calls);
  add(message, failing::kDistinct, s.distinct);
  message.add_uint64(failing::kFirst, clock.to_trace(s.first));
  message.add_uint64(failing::kLast, clock.to_trace(s.last));
}

void get(std::string_view message, FailedSum& s, const TraceClock& clock) {
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case failing::kProcess:
        s.process = f.text();
        break;
      case failing::kPid:
        s.pid = f.integer<std::int32_t>();
        break;
      case failing::kAncestor:
        s.ancestors.push_back(f.text());
        break;
      case failing::kOfTarget:
        s.of_target = f.flag();
        break;
      case failing::kNumber:
        s.number = f.integer<std::uint16_t>();
        break;
      case failing::kAbi:
        s.abi = f.enumeration(SyscallAbi::kX32);
        break;
      case failing::kError:
        s.error = f.integer<int>();
        break;
      case failing::kDirectory:
        s.directory = f.text();
        break;
      case failing::kExample:
        s.example = f.text();
        break;
      case failing::kCalls:
        s.calls = f.number();
        break;
      case failing::kDistinct:
        s.distinct = f.number();
        break;
      case failing::kFirst:
        s.first = clock.from_trace(f.number());
        break;
      case failing::kLast:
        s.last = clock.from_trace(f.number());
        break;
      default:
        break;
    }
  }
}

void put(Message& message, const Stall& s, const TraceClock& clock) {
  message.add_uint64(stall::kBegin, clock.to_trace(s.begin));
  add(message, stall::kLength, ns(s.length));
  add(message, stall::kRunQueue, ns(s.run_queue));
  add(message, stall::kThread, index_to_trace(s.thread));
  add_enum(message, stall::kKind, s.kind);
  add(message, stall::kOpen, s.open ? 1 : 0);
  message.add_int64(stall::kSyscall, s.syscall);
  add(message, stall::kStack, index_to_trace(s.stack));
  add_enum(message, stall::kEnd, s.end);
}

void get(std::string_view message, Stall& s, const TraceClock& clock) {
  s.kind = StallKind::kWait;  // the values of absent fields
  s.end = WalkEnd::kRoot;
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case stall::kBegin:
        s.begin = clock.from_trace(f.number());
        break;
      case stall::kLength:
        s.length = f.duration();
        break;
      case stall::kRunQueue:
        s.run_queue = f.duration();
        break;
      case stall::kThread:
        s.thread = f.index();
        break;
      case stall::kKind:
        s.kind = f.enumeration(StallKind::kThrottled);
        break;
      case stall::kOpen:
        s.open = f.flag();
        break;
      case stall::kSyscall:
        s.syscall = f.integer<std::int32_t>();
        break;
      case stall::kStack:
        s.stack = f.index();
        break;
      case stall::kEnd:
        s.end = f.enumeration(WalkEnd::kNotWalked);
        break;
      default:
        break;
    }
  }
}

void put(Message& message, const Growth& g, const TraceClock& clock) {
  message.add_uint64(growth::kTime, clock.to_trace(g.time));
  add(message, growth::kThread, index_to_trace(g.thread));
  add_enum(message, growth::kKind, g.kind);
  add(message, growth::kBytes, g.bytes);
  add(message, growth::kAddress, g.address);
  add(message, growth::kRegion, g.region);
  add(message, growth::kGivenBack, g.given_back, clock);
  add(message, growth::kStack, index_to_trace(g.stack));
  add_enum(message, growth::kEnd, g.end);
}

void get(std::string_view message, Growth& g, const TraceClock& clock) {
  g.end = WalkEnd::kRoot;  // the value of an absent field
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case growth::kTime:
        g.time = clock.from_trace(f.number());
        break;
      case growth::kThread:
        g.thread = f.index();
        break;
      case growth::kKind:
        g.kind = f.enumeration(GrowthKind::kShared);
        break;
      case growth::kBytes:
        g.bytes = f.number();
        break;
      case growth::kAddress:
        g.address = f.number();
        break;
      case growth::kRegion:
        g.region = f.text();
        break;
      case growth::kGivenBack:
        g.given_back = clock.from_trace(f.number());
        break;
      case growth::kStack:
        g.stack = f.index();
        break;
      case growth::kEnd:
        g.end = f.enumeration(WalkEnd::kNotWalked);
        break;
      default:
        break;
    }
  }
}

void put(Message& message, const LifeEvent& e, const TraceClock& clock) {
  message.add_uint64(life::kTime, clock.to_trace(e.time));
  add_enum(message, life::kKind, e.kind);
  add(message, life::kThread, index_to_trace(e.thread));
  add(message, life::kText, e.text);
  add_signed(message, life::kValue, e.value);
}

void get(std::string_view message, LifeEvent& e, const TraceClock& clock) {
  e.kind = LifeKind::kFork;  // the value of an absent field
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case life::kTime:
        e.time = clock.from_trace(f.number());
        break;
      case life::kKind:
        e.kind = f.enumeration(LifeKind::kNote);
        break;
      case life::kThread:
        e.thread = f.index();
        break;
      case life::kText:
        e.text = f.text();
        break;
      case life::kValue:
        e.value = f.integer<std::int64_t>();
        break;
      default:
        break;
    }
  }
}

}  // namespace fdr::perfetto

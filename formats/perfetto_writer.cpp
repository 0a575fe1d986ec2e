#include "formats/perfetto_writer.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/perfetto_calls.hpp"
#include "formats/perfetto_packets.hpp"
#include "formats/perfetto_records.hpp"
#include "formats/perfetto_stacks.hpp"
#include "formats/perfetto_tracks.hpp"
#include "formats/syscall_names.hpp"

namespace fdr {
namespace {

using namespace perfetto;
using Message = protozero::pbf_writer;

constexpr std::size_t kRowsPerPacket = 256;

// Perfetto's word for why a walk ended; nothing for a whole stack and for those that were not meant to have more.
std::uint32_t unwind_error(WalkEnd end) {
  switch (end) {
    case WalkEnd::kCopyTooShort:
    case WalkEnd::kUnreadable:
      return perf_sample::kMemoryInvalid;
    case WalkEnd::kNoMapping:
      return perf_sample::kInvalidMap;
    case WalkEnd::kNoUnwindInfo:
      return perf_sample::kUnwindInfo;
    case WalkEnd::kTooDeep:
      return perf_sample::kMaxFrames;
    case WalkEnd::kStuck:
      return perf_sample::kRepeatedFrame;
    default:
      return 0;
  }
}

std::string call_label(const SyscallCall& call) { return syscall_name(call.number, call.abi); }

std::string result_label(std::int64_t result) {
  return result < 0 && result > -4096 ? errno_name(static_cast<int>(-result)) : std::to_string(result);
}

// The passes, in the order of the file: tables first, then the rare records, then the many, so that a cut costs least.
class Writer {
 public:
  Writer(const Timeline& timeline, const TraceTrigger& trigger, const std::function<void(std::string_view)>& sink)
      : t_(timeline), trigger_(trigger), clock_(timeline.anchor), stream_(sink), tracks_(stream_, t_, clock_) {}

  void write() {
    put_clocks();
    put_system();
    stream_.flush();  // what the file is survives any cut behind it
    put_processes();
    put_threads();
    put_reused_tids();
    put_trigger();
    put_life();
    put_metrics();
    put_rows(packet::kFdrSummary, t_.summary);
    put_rows(packet::kFdrError, t_.errors);
    put_rows(packet::kFdrFailing, t_.failing);
    put_stacks(stream_, t_.stacks);
    put_stalls();
    put_rows(packet::kFdrGrowth, t_.growth);
    put_detailed(packet::kFdrSlow, "slow calls", t_.slow);
    put_detailed(packet::kFdrFailed, "failed calls", t_.failed);
    put_samples();
    put_calls(stream_, t_, clock_);
    records_ += t_.syscalls.size();
    put_end();
    stream_.flush();
  }

 private:
  void put_clocks() {
    stream_.packet(Sequence::kMain, [&](Message& packet) {
      packet.add_uint64(packet::kTimestamp, static_cast<std::uint64_t>(t_.anchor.boottime_ns));
      {
        Message snapshot{packet, packet::kClockSnapshot};
        const auto put_clock = [&](std::uint32_t id, std::int64_t ns) {
          Message clock{snapshot, clock_snapshot::kClocks};
          clock.add_uint32(clock_snapshot::kClockId, id);
          clock.add_uint64(clock_snapshot::kClockTimestamp, static_cast<std::uint64_t>(ns));
        };
        put_clock(clock_snapshot::kRealtime, t_.anchor.realtime_ns);
        put_clock(clock_snapshot::kMonotonic, t_.anchor.monotonic_ns);
        put_clock(clock_snapshot::kBoottime, t_.anchor.boottime_ns);
        snapshot.add_uint32(clock_snapshot::kPrimaryClock, clock_snapshot::kBoottime);
      }
      Message ours{packet, packet::kFdrHeader};
      ours.add_uint64(header::kVersion, kTraceVersion);
      ours.add_uint64(header::kBegin, clock_.to_trace(t_.begin));
      ours.add_uint64(header::kEnd, clock_.to_trace(t_.end));
    });
  }

  void put_system() {
    stream_.packet(Sequence::kMain, [&](Message& packet) {
      Message info{packet, packet::kSystemInfo};
      {
        Message uname{info, system_info::kUtsname};
        uname.add_string(system_info::kSysname, "Linux");
        uname.add_string(system_info::kRelease, t_.kernel);
        uname.add_string(system_info::kMachine, t_.machine);
      }
      info.add_string(system_info::kTracingVersion, "fdr " FDR_VERSION);
      info.add_int64(system_info::kNumCpus, t_.cpus);
    });
  }

  // Rows of a table that Perfetto's ProcessTree has too: a row seen to start is a packet of its own at that moment,
  // since a pid may be used again; the others share packets that stand at the window's begin. The order of the rows is
  // kept.
  template <class Row, class PutNative>
  void put_tree_rows(const std::vector<Row>& rows, Field ours, PutNative&& put_native) {
    for (std::size_t first = 0; first < rows.size();) {
      std::size_t end = first + 1;
      if (!rows[first].started)
        while (end < rows.size() && !rows[end].started && end - first < kRowsPerPacket) ++end;
      stream_.packet(Sequence::kMain, [&](Message& packet) {
        packet.add_uint64(packet::kTimestamp, clock_.to_trace(rows[first].started.value_or(t_.begin)));
        {
          Message tree{packet, packet::kProcessTree};
          for (std::size_t i = first; i < end; ++i) put_native(tree, rows[i]);
        }
        for (std::size_t i = first; i < end; ++i) {
          Message message{packet, ours};
          put(message, rows[i], clock_);
        }
      });
      first = end;
    }
    records_ += rows.size();
  }

  void put_processes() {
    put_tree_rows(t_.processes, packet::kFdrProcess, [](Message& tree, const Process& p) {
      Message row{tree, process_tree::kProcesses};
      row.add_int32(process_tree::kPid, p.pid);
      if (p.parent) row.add_int32(process_tree::kParent, p.parent);
      for (const std::string& argument : p.command_line) row.add_string(process_tree::kCmdline, argument);
      if (p.command_line.empty()) row.add_string(process_tree::kCmdline, p.name);
      if (p.start_boottime_ns) row.add_uint64(process_tree::kStartFromBoot, p.start_boottime_ns);
    });
  }

  std::int32_t pid_of(const Thread& thread) const {
    return thread.process < t_.processes.size() ? t_.processes[thread.process].pid : thread.tid;
  }

  void put_threads() {
    put_tree_rows(t_.threads, packet::kFdrThread, [this](Message& tree, const Thread& thread) {
      Message row{tree, process_tree::kThreads};
      row.add_int32(process_tree::kTid, thread.tid);
      row.add_int32(process_tree::kTgid, pid_of(thread));
      if (!thread.name.empty()) row.add_string(process_tree::kName, thread.name);
    });
  }

  // Perfetto takes a tid that appears again for the same thread unless its first life was seen to end.
  void put_reused_tids() {
    std::unordered_map<std::int32_t, bool> seen;
    for (const Thread& thread : t_.threads) {
      const bool again = !seen.try_emplace(thread.tid, true).second;
      if (!again || !thread.started) continue;
      stream_.packet(Sequence::kMain, [&](Message& packet) {
        Message bundle{packet, packet::kFtraceEvents};
        bundle.add_uint32(ftrace::kCpu, 0);
        Message message{bundle, ftrace::kEvent};
        message.add_uint64(ftrace::kTimestamp, clock_.to_trace(*thread.started) - 1);
        message.add_uint32(ftrace::kTid, 0);
        Message free{message, ftrace::kProcessFree};
        free.add_string(ftrace::kComm, thread.name);
        free.add_int32(ftrace::kPid, thread.tid);
        free.add_int32(ftrace::kPrio, 120);
      });
    }
  }

  void put_trigger() {
    if (trigger_.name.empty()) return;
    stream_.packet(Sequence::kMain, [&](Message& packet) {
      packet.add_uint64(packet::kTimestamp, clock_.to_trace(trigger_.time));
      Message message{packet, packet::kTrigger};
      message.add_string(trigger::kName, trigger_.name);
      message.add_string(trigger::kProducer, "fdr");
    });
  }

  void put_life() {
    for (const LifeEvent& event : t_.life) {
      const bool by_people =
          event.kind == LifeKind::kMark || event.kind == LifeKind::kTrigger || event.kind == LifeKind::kNote;
      std::string label = life_kind_name(event.kind);
      if (event.thread < t_.threads.size()) label += " " + t_.threads[event.thread].name;
      if (!event.text.empty()) label += " " + event.text;
      tracks_.instant(by_people ? "fdr marks" : "fdr process life", event.time, label, [&](Message& packet) {
        Message message{packet, packet::kFdrLife};
        put(message, event, clock_);
      });
    }
    records_ += t_.life.size();
  }

  void put_metrics() {
    for (std::size_t i = 0; i < t_.metrics.size(); ++i) {
      const MetricSeries& series = t_.metrics[i];
      const std::uint64_t id = track_id(TrackKind::kMetric, i);
      stream_.packet(Sequence::kMain, [&](Message& packet) {
        {
          Message track{packet, packet::kTrackDescriptor};
          track.add_uint64(track::kUuid, id);
          track.add_string(track::kName, series.name);
          Message counter{track, track::kCounter};
          // Always one field: protozero leaves out an empty message, and without it the track would be no counter.
          counter.add_uint32(track::kUnit, series.unit == Unit::kBytes   ? track::kUnitBytes
                                           : series.unit == Unit::kCount ? track::kUnitCount
                                                                         : track::kUnitUnspecified);
          if (series.unit == Unit::kPercent) counter.add_string(track::kUnitName, "%");
          if (series.unit == Unit::kSeconds) counter.add_string(track::kUnitName, "s");
        }
        Message ours{packet, packet::kFdrMetric};
        ours.add_enum(metric::kUnit, static_cast<std::int32_t>(series.unit));
        ours.add_enum(metric::kKind, static_cast<std::int32_t>(series.kind));
      });
      for (const MetricSeries::Point& point : series.points)
        stream_.packet(Sequence::kMain, [&](Message& packet) {
          packet.add_uint64(packet::kTimestamp, clock_.to_trace(point.time));
          Message message{packet, packet::kTrackEvent};
          message.add_uint32(event::kType, event::kCounter);
          message.add_uint64(event::kTrack, id);
          message.add_double(event::kDoubleValue, point.value);
        });
      records_ += 1 + series.points.size();
    }
  }

  // Rows that only we can read.
  template <class Row>
  void put_rows(Field ours, const std::vector<Row>& rows) {
    for (std::size_t first = 0; first < rows.size(); first += kRowsPerPacket)
      stream_.packet(Sequence::kMain, [&](Message& packet) {
        for (std::size_t i = first; i < std::min(first + kRowsPerPacket, rows.size()); ++i) {
          Message message{packet, ours};
          put(message, rows[i], clock_);
        }
      });
    records_ += rows.size();
  }

  void put_stalls() {
    for (const Stall& stall : t_.stalls) {
      Slice slice{"stalls", stall.thread, stall.begin, stall.begin + stall.length, stall_kind_name(stall.kind), {}};
      if (stall.open) slice.end.reset();
      if (stall.syscall >= 0 && stall.syscall <= UINT16_MAX)
        slice.notes.emplace_back("syscall", syscall_name(static_cast<std::uint16_t>(stall.syscall)));
      slice.notes.emplace_back("stack", innermost_label(stall.stack));
      tracks_.slice(slice, [&](Message& packet) {
        Message message{packet, packet::kFdrStall};
        put(message, stall, clock_);
      });
    }
    records_ += t_.stalls.size();
  }

  void put_detailed(Field ours, const char* track, const std::vector<DetailedCall>& calls) {
    for (const DetailedCall& detailed : calls) {
      const SyscallCall& call = detailed.call;
      Slice slice{track, call.thread, call.begin, call.begin + call.wall, call_label(call), {}};
      slice.notes = {{"subject", detailed.subject},
                     {"result", result_label(call.result)},
                     {"stack", innermost_label(detailed.stack)}};
      tracks_.slice(slice, [&](Message& packet) {
        Message message{packet, ours};
        put(message, detailed, clock_);
      });
    }
    records_ += calls.size();
  }

  std::string innermost_label(StackId stack) const {
    const auto frames = t_.stacks.stack(stack);
    return frames.empty() ? std::string{} : t_.stacks.frame_label(frames.back());
  }

  void put_samples() {
    for (const StackSample& s : t_.samples) {
      stream_.packet(Sequence::kStacks, [&](Message& packet) {
        packet.add_uint64(packet::kTimestamp, clock_.to_trace(s.time));
        const bool empty = t_.stacks.stack(s.stack).empty();
        {
          Message sample{packet, packet::kPerfSample};
          if (s.cpu < kMaxCpus) sample.add_uint32(perf_sample::kCpu, s.cpu);
          if (s.thread < t_.threads.size()) {
            const Thread& thread = t_.threads[s.thread];
            sample.add_uint32(perf_sample::kPid, static_cast<std::uint32_t>(pid_of(thread)));
            sample.add_uint32(perf_sample::kTid, static_cast<std::uint32_t>(thread.tid));
          }
          if (!empty) sample.add_uint64(perf_sample::kCallstack, std::uint64_t{s.stack} + 1);
          sample.add_uint32(perf_sample::kCpuMode, s.in_kernel ? perf_sample::kModeKernel : perf_sample::kModeUser);
          if (const std::uint32_t error = unwind_error(s.end)) sample.add_uint32(perf_sample::kUnwindError, error);
        }
        Message ours{packet, packet::kFdrSample};
        ours.add_uint32(sample::kThread, index_to_trace(s.thread));
        ours.add_enum(sample::kEnd, static_cast<std::int32_t>(s.end));
        if (s.cpu >= kMaxCpus) ours.add_uint32(sample::kCpu, s.cpu);
        if (empty && s.stack != kNoStack) ours.add_uint32(sample::kStack, index_to_trace(s.stack));
      });
    }
    records_ += t_.samples.size();
  }

  // How a reader knows that a trace cut between two packets was cut.
  void put_end() {
    stream_.packet(Sequence::kMain, [&](Message& packet) {
      Message ours{packet, packet::kFdrEnd};
      ours.add_uint64(trace_end::kRecords, records_);
    });
  }

  const Timeline& t_;
  const TraceTrigger& trigger_;
  TraceClock clock_;
  PacketStream stream_;
  Tracks tracks_;
  std::uint64_t records_ = 0;
};

}  // namespace

void write_perfetto(const Timeline& timeline, const TraceTrigger& trigger,
                    const std::function<void(std::string_view)>& sink) {
  Writer(timeline, trigger, sink).write();
}

}  // namespace fdr

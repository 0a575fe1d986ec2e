#include "formats/perfetto_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "formats/perfetto_calls.hpp"
#include "formats/perfetto_packets.hpp"
#include "formats/perfetto_records.hpp"
#include "formats/perfetto_stacks.hpp"

namespace fdr {
namespace {

using namespace perfetto;

// The parts of one TracePacket that we know, found in one pass, since native data and what stands beside it belong
// together.
struct Packet {
  std::optional<std::uint64_t> timestamp;
  std::optional<std::string_view> clocks, system, ftrace, interned, event, track, perf;
  std::optional<std::string_view> header, named_frames, metric, sample, calls, end;
  std::vector<std::string_view> modules;
  std::vector<std::pair<Field, std::string_view>> rows;  // records that are whole in one message

  explicit Packet(std::string_view bytes) {
    for (FieldCursor f(bytes); f.next();) {
      switch (f.field()) {
        case packet::kTimestamp:
          timestamp = f.number();
          break;
        case packet::kClockSnapshot:
          clocks = f.bytes();
          break;
        case packet::kSystemInfo:
          system = f.bytes();
          break;
        case packet::kFtraceEvents:
          ftrace = f.bytes();
          break;
        case packet::kInternedData:
          interned = f.bytes();
          break;
        case packet::kTrackEvent:
          event = f.bytes();
          break;
        case packet::kTrackDescriptor:
          track = f.bytes();
          break;
        case packet::kPerfSample:
          perf = f.bytes();
          break;
        case packet::kFdrHeader:
          header = f.bytes();
          break;
        case packet::kFdrNamedFrames:
          named_frames = f.bytes();
          break;
        case packet::kFdrMetric:
          metric = f.bytes();
          break;
        case packet::kFdrSample:
          sample = f.bytes();
          break;
        case packet::kFdrCalls:
          calls = f.bytes();
          break;
        case packet::kFdrEnd:
          end = f.bytes();
          break;
        case packet::kFdrModule:
          modules.push_back(f.bytes());
          break;
        case packet::kFdrProcess:
        case packet::kFdrThread:
        case packet::kFdrSlow:
        case packet::kFdrFailed:
        case packet::kFdrSummary:
        case packet::kFdrError:
        case packet::kFdrFailing:
        case packet::kFdrStall:
        case packet::kFdrGrowth:
        case packet::kFdrLife:
          rows.emplace_back(f.field(), f.bytes());
          break;
        default:
          break;
      }
    }
  }
};

// Takes packets in file order. Whatever it has taken is consistent: each index names a row that is there.
class Reader {
 public:
  explicit Reader(const ReadLimits& limits) : limits_(limits) {}

  void take(std::string_view bytes) {
    if (ended_) return;  // what others appended (symbols, say)
    const Packet packet(bytes);
    if (packet.clocks && packet.header) read_header(packet);
    if (!started_) return;
    if (packet.system) read_system(*packet.system);
    for (const auto& [field, message] : packet.rows) read_row(field, message);
    if (packet.interned)
      stacks_.add(*packet.interned, packet.modules, packet.named_frames, timeline_.stacks, [this](std::uint64_t units) { charge(units); });
    if (packet.track && packet.metric) read_metric(packet);
    if (packet.event && packet.timestamp) read_point(packet);
    if (packet.perf && packet.sample) read_sample(packet);
    if (packet.calls) {
      const std::size_t count = calls_.add(*packet.calls, packet.ftrace, clock_, timeline_.threads.size());
      charge(count);
      records_ += count;
    }
    if (packet.end) read_end(*packet.end);
  }

  ReadResult finish(StreamEnd stream) {
    timeline_.syscalls = calls_.take();
    sort_by_time();
    ReadResult result{std::move(timeline_), stream.whole, std::move(stream.problem)};
    if (result.complete && !ended_) {
      result.complete = false;
      result.problem =
          started_ ? "the trace ends before its last packet" : "this is not a trace of fdr: it has no header";
    }
    if (result.complete && records_ != promised_) {
      result.complete = false;
      result.problem = fmt::format("the trace says it has {} records, and {} were found", promised_, records_);
    }
    return result;
  }

 private:
  // Memory is bounded by what records cost, in units of some 64 bytes.
  void charge(std::uint64_t units) {
    charged_ += units;
    if (charged_ > limits_.max_records)
      throw Damage(fmt::format("more than the limit of {} records", limits_.max_records));
  }

  void read_header(const Packet& packet) {
    if (started_) throw Damage("a second header");
    ClockAnchor anchor;
    for (FieldCursor f(*packet.clocks); f.next();) {
      if (f.field() != clock_snapshot::kClocks) continue;
      std::uint64_t id = 0, ns = 0;
      for (FieldCursor c(f.bytes()); c.next();) {
        if (c.field() == clock_snapshot::kClockId) id = c.number();
        if (c.field() == clock_snapshot::kClockTimestamp) ns = c.number();
      }
      if (id == clock_snapshot::kRealtime) anchor.realtime_ns = checked_duration(ns, kMaxRealtime_ns).count();
      if (id == clock_snapshot::kMonotonic) anchor.monotonic_ns = checked_duration(ns).count();
      if (id == clock_snapshot::kBoottime) anchor.boottime_ns = checked_duration(ns).count();
    }
    const TraceClock clock(anchor);
    Timestamp begin{}, end{};
    for (FieldCursor f(*packet.header); f.next();) {
      if (f.field() == header::kBegin) begin = clock.from_trace(f.number());
      if (f.field() == header::kEnd) end = clock.from_trace(f.number());
      if (f.field() == header::kVersion)
        if (const std::uint64_t version = f.number(); version > kTraceVersion)
          throw Damage(fmt::format("version {} of the format, and this fdr reads up to {}", version, kTraceVersion));
    }
    timeline_.anchor = anchor;
    timeline_.begin = begin;
    timeline_.end = end;
    clock_ = clock;
    started_ = true;
  }

  void read_system(std::string_view message) {
    for (FieldCursor f(message); f.next();) {
      if (f.field() == system_info::kNumCpus) timeline_.cpus = f.integer<int>();
      if (f.field() != system_info::kUtsname) continue;
      for (FieldCursor u(f.bytes()); u.next();) {
        if (u.field() == system_info::kRelease) timeline_.kernel = u.text();
        if (u.field() == system_info::kMachine) timeline_.machine = u.text();
      }
    }
  }

  void check_process(std::uint32_t index) const {
    if (index != kNoIndex && index >= timeline_.processes.size()) throw Damage("a process that is not in the table");
  }
  void check_thread(std::uint32_t index) const {
    if (index != kNoIndex && index >= timeline_.threads.size()) throw Damage("a thread that is not in the table");
  }
  // Stored stack ids are those of the writer's table, which interned data rebuild.
  StackId known_stack(StackId stored) const {
    return stored == kNoStack ? kNoStack : stacks_.stack_of_iid(std::uint64_t{stored} + 1);
  }

  template <class Row, class Check>
  void read_into(std::vector<Row>& table, std::string_view message, Check&& check) {
    charge(1 + sizeof(Row) / 64 + message.size() / 64);
    Row row;
    get(message, row, clock_);
    check(row);
    table.push_back(std::move(row));
    ++records_;
  }

  void read_row(Field field, std::string_view message) {
    const auto check_detailed = [this](DetailedCall& row) {
      check_thread(row.call.thread);
      row.stack = known_stack(row.stack);
    };
    switch (field) {
      case packet::kFdrProcess:
        read_into(timeline_.processes, message, [this](Process& row) { charge(row.command_line.size()); });
        break;
      case packet::kFdrThread:
        read_into(timeline_.threads, message, [this](Thread& row) { check_process(row.process); });
        break;
      case packet::kFdrSlow:
        read_into(timeline_.slow, message, check_detailed);
        break;
      case packet::kFdrFailed:
        read_into(timeline_.failed, message, check_detailed);
        break;
      case packet::kFdrSummary:
        read_into(timeline_.summary, message, [this](SyscallSummary& row) { check_process(row.process); });
        break;
      case packet::kFdrError:
        read_into(timeline_.errors, message, [this](ErrorCount& row) { check_process(row.process); });
        break;
      case packet::kFdrFailing:
        read_into(timeline_.failing, message, [this](FailedSum& row) { charge(row.ancestors.size()); });
        break;
      case packet::kFdrStall:
        read_into(timeline_.stalls, message, [this](Stall& row) {
          check_thread(row.thread);
          row.stack = known_stack(row.stack);
        });
        break;
      case packet::kFdrGrowth:
        read_into(timeline_.growth, message, [this](Growth& row) {
          check_thread(row.thread);
          row.stack = known_stack(row.stack);
        });
        break;
      case packet::kFdrLife:
        read_into(timeline_.life, message, [this](LifeEvent& row) { check_thread(row.thread); });
        break;
      default:
        break;
    }
  }

  void read_metric(const Packet& packet) {
    charge(2);
    MetricSeries series;
    std::uint64_t track = 0;
    for (FieldCursor f(*packet.track); f.next();) {
      if (f.field() == track::kUuid) track = f.number();
      if (f.field() == track::kName) series.name = f.text();
    }
    charge(series.name.size() / 64);
    for (FieldCursor f(*packet.metric); f.next();) {
      if (f.field() == metric::kUnit) series.unit = f.enumeration(Unit::kCount);
      if (f.field() == metric::kKind) series.kind = f.enumeration(MetricKind::kCounter);
    }
    if (!metric_of_track_.try_emplace(track, timeline_.metrics.size()).second)
      throw Damage("a metric that is there twice");
    timeline_.metrics.push_back(std::move(series));
    ++records_;
  }

  // Track events other than the points of our metrics are for people.
  void read_point(const Packet& packet) {
    std::uint64_t type = 0, track = 0;
    double value = 0;
    for (FieldCursor f(*packet.event); f.next();) {
      if (f.field() == event::kType) type = f.number();
      if (f.field() == event::kTrack) track = f.number();
      if (f.field() == event::kDoubleValue) value = f.real();
    }
    if (type != event::kCounter) return;
    const auto found = metric_of_track_.find(track);
    if (found == metric_of_track_.end()) throw Damage("a counter without its track");
    charge(1);
    timeline_.metrics[found->second].points.push_back({clock_.from_trace(*packet.timestamp), value});
    ++records_;
  }

  void read_sample(const Packet& packet) {
    if (!packet.timestamp) throw Damage("a sample without its time");
    charge(1);
    StackSample s;
    s.time = clock_.from_trace(*packet.timestamp);
    s.end = WalkEnd::kRoot;
    for (FieldCursor f(*packet.perf); f.next();) {
      if (f.field() == perf_sample::kCpu) s.cpu = f.integer<std::uint16_t>();
      if (f.field() == perf_sample::kCpuMode) s.in_kernel = f.number() == perf_sample::kModeKernel;
      if (f.field() == perf_sample::kCallstack) s.stack = stacks_.stack_of_iid(f.number());
    }
    for (FieldCursor f(*packet.sample); f.next();) {
      if (f.field() == sample::kThread) s.thread = f.index();
      if (f.field() == sample::kEnd) s.end = f.enumeration(WalkEnd::kNotWalked);
      if (f.field() == sample::kCpu) s.cpu = f.integer<std::uint16_t>();
      if (f.field() == sample::kStack) s.stack = known_stack(f.index());
    }
    check_thread(s.thread);
    timeline_.samples.push_back(s);
    ++records_;
  }

  void read_end(std::string_view message) {
    for (FieldCursor f(message); f.next();)
      if (f.field() == trace_end::kRecords) promised_ = f.number();
    ended_ = true;
  }

  // The model's promise, whatever the bytes were; a trace of ours is in order already.
  void sort_by_time() {
    const auto sort = [](auto& records, auto time_of) {
      const auto earlier = [&](const auto& a, const auto& b) { return time_of(a) < time_of(b); };
      if (!std::is_sorted(records.begin(), records.end(), earlier))
        std::stable_sort(records.begin(), records.end(), earlier);
    };
    const auto time = [](const auto& record) { return record.time; };
    const auto begin = [](const auto& record) { return record.begin; };
    const auto call_begin = [](const DetailedCall& detailed) { return detailed.call.begin; };
    sort(timeline_.samples, time);
    sort(timeline_.life, time);
    sort(timeline_.growth, time);
    sort(timeline_.syscalls, begin);
    sort(timeline_.summary, begin);
    sort(timeline_.stalls, begin);
    sort(timeline_.slow, call_begin);
    sort(timeline_.failed, call_begin);
    for (MetricSeries& series : timeline_.metrics) sort(series.points, time);
  }

  const ReadLimits& limits_;
  Timeline timeline_;
  TraceClock clock_;
  StackCollector stacks_;
  CallCollector calls_;
  std::unordered_map<std::uint64_t, std::size_t> metric_of_track_;
  std::uint64_t charged_ = 0, records_ = 0, promised_ = 0;
  bool started_ = false, ended_ = false;
};

}  // namespace

ReadResult read_perfetto(std::string_view bytes, const ReadLimits& limits) {
  Reader reader(limits);
  StreamEnd end = for_each_packet(bytes, limits, [&](std::string_view packet) { reader.take(packet); });
  return reader.finish(std::move(end));
}

}  // namespace fdr

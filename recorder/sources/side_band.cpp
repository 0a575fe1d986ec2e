#include "recorder/sources/side_band.hpp"

#include <linux/perf_event.h>
#include <unistd.h>

#include <cerrno>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "recorder/sources/perf_ring.hpp"
#include "recorder/system/perf_event.hpp"

namespace fdr {
namespace {

constexpr std::size_t kRingBytes = 128 * 1024;  // of one CPU; an exec writes about 2 KB

FileDescriptor open_event(int cpu, bool build_ids) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.sample_id_all = 1;
  attr.sample_type = PERF_SAMPLE_TIME;
  attr.mmap = 1;
  attr.mmap2 = 1;
  attr.comm = 1;
  attr.comm_exec = 1;
  attr.build_id = build_ids;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.watermark = 1;
  attr.wakeup_watermark = 0x7fffffff;  // nobody is ever woken
  return open_perf_event(attr, -1, cpu);
}

}  // namespace

class SideBand::Impl {
 public:
  explicit Impl(const std::vector<int>& cpus) {
    for (const int cpu : cpus) {
      FileDescriptor event = open_event(cpu, true);
      if (!event.valid()) event = open_event(cpu, false);  // before 5.12: no build-ids
      if (!event.valid()) throw system_error("open the side band of CPU " + std::to_string(cpu), errno);
      PerfRing ring(event.get(), kRingBytes, "the side band");
      rings_.push_back({std::move(event), std::move(ring)});
    }
  }

  std::vector<SideEvent> drain() {
    std::vector<SideEvent> events;
    for (Ring& ring : rings_) {
      ring.ring.begin();
      for (auto bytes = ring.ring.next(); !bytes.empty(); bytes = ring.ring.next())
        if (const auto record = read_perf_record(bytes, PerfForm::kTimeOnly)) take(*record, events);
      ring.ring.end();
    }
    return events;
  }

  std::uint64_t lost() const { return lost_; }

 private:
  struct Ring {
    FileDescriptor event;
    PerfRing ring;
  };

  void take(const PerfRecord& record, std::vector<SideEvent>& events) {
    lost_ += record.lost;
    if (const auto event = side_event_of(record)) events.push_back(*event);
  }

  std::vector<Ring> rings_;
  std::uint64_t lost_ = 0;
};

std::optional<SideEvent> side_event_of(const PerfRecord& record) {
  if (record.kind == PerfRecord::kMap) return SideEvent{.kind = SideEvent::kMap, .time = from_ns(record.time_ns), .pid = record.pid, .mapping = mapping_of(record)};
  if (record.kind == PerfRecord::kComm && record.exec) return SideEvent{.kind = SideEvent::kExec, .time = from_ns(record.time_ns), .pid = record.pid, .mapping = {}};
  return std::nullopt;
}

SideBand::SideBand(const std::vector<int>& cpus) : impl_(std::make_unique<Impl>(cpus)) {}
SideBand::~SideBand() = default;
std::vector<SideEvent> SideBand::drain() { return impl_->drain(); }
std::uint64_t SideBand::lost() const { return impl_->lost(); }

}  // namespace fdr

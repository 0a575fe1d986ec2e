#include "recorder/sources/side_band.hpp"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "recorder/sources/perf_event.hpp"
#include "recorder/sources/shared_mapping.hpp"

namespace fdr {
namespace {

constexpr std::size_t kRingBytes = 128 * 1024;  // of one CPU; an exec writes about 2 KB

// perf_event.h: PERF_RECORD_MMAP2 with PERF_RECORD_MISC_MMAP_BUILD_ID.
struct Mmap2 {
  perf_event_header header;
  std::uint32_t pid, tid;
  std::uint64_t address, length, page_offset;
  std::uint8_t build_id_size;
  std::uint8_t reserved[3];
  std::uint8_t build_id[20];
  std::uint32_t protection, flags;
  char path[];
};

struct Comm {
  perf_event_header header;
  std::uint32_t pid, tid;
  char comm[];
};

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

Module module_of(const Mmap2& record, std::string path) {
  Module module;
  module.path = std::move(path);
  if (module.path == "[vdso]") {
    module.kind = ModuleKind::kVdso;
  } else if (module.path.empty() || module.path[0] != '/' || module.path.starts_with("//anon") || module.path.starts_with("/memfd:")) {
    module.kind = ModuleKind::kAnonymous;
    module.path = "[anon]";
  }
  if (record.header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID && record.build_id_size <= sizeof record.build_id)
    for (unsigned i = 0; i < record.build_id_size; ++i) module.build_id += fmt::format("{:02x}", record.build_id[i]);
  return module;
}

}  // namespace

class SideBand::Impl {
 public:
  explicit Impl(const std::vector<int>& cpus) {
    for (const int cpu : cpus) {
      FileDescriptor event = open_event(cpu, true);
      if (!event.valid()) event = open_event(cpu, false);  // before 5.12: no build-ids
      if (!event.valid()) throw system_error("open the side band of CPU " + std::to_string(cpu), errno);
      SharedMapping mapping(event.get(), kRingBytes + static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), true, "the side band");
      rings_.push_back({std::move(event), std::move(mapping)});
    }
  }

  std::vector<SideEvent> drain() {
    std::vector<SideEvent> events;
    for (Ring& ring : rings_) drain_ring(static_cast<perf_event_mmap_page*>(ring.mapping.data()), events);
    return events;
  }

  std::uint64_t lost() const { return lost_; }

 private:
  struct Ring {
    FileDescriptor event;
    SharedMapping mapping;
  };

  void drain_ring(perf_event_mmap_page* page, std::vector<SideEvent>& events) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(page) + page->data_offset;
    const std::uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
    std::uint64_t tail = page->data_tail;
    std::vector<std::uint8_t> record;
    while (head - tail >= sizeof(perf_event_header)) {
      perf_event_header header;
      copy(data, tail, &header, sizeof header);
      if (header.size < sizeof header || header.size > head - tail) break;
      record.assign(header.size + 1u, 0);  // one more: text is always terminated
      copy(data, tail, record.data(), header.size);
      read_record(record, header, events);
      tail += header.size;
    }
    __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
  }

  static void copy(const std::uint8_t* data, std::uint64_t from, void* to, std::size_t bytes) {
    const std::size_t at = from % kRingBytes, first = std::min(bytes, kRingBytes - at);
    std::memcpy(to, data + at, first);
    std::memcpy(static_cast<std::uint8_t*>(to) + first, data, bytes - first);
  }

  void read_record(const std::vector<std::uint8_t>& record, const perf_event_header& header, std::vector<SideEvent>& events) {
    SideEvent event;
    // sample_id_all: the time is the last 8 bytes.
    std::uint64_t time = 0;
    if (header.size >= sizeof header + sizeof time) std::memcpy(&time, record.data() + header.size - sizeof time, sizeof time);
    event.time = from_ns(time);
    if (header.type == PERF_RECORD_LOST && header.size >= sizeof header + 16) {
      std::uint64_t count = 0;
      std::memcpy(&count, record.data() + sizeof header + 8, sizeof count);
      lost_ += count;
    } else if (header.type == PERF_RECORD_COMM && header.misc & PERF_RECORD_MISC_COMM_EXEC && header.size > sizeof(Comm)) {
      event.kind = SideEvent::kExec;
      event.pid = static_cast<std::int32_t>(reinterpret_cast<const Comm*>(record.data())->pid);
      events.push_back(std::move(event));
    } else if (header.type == PERF_RECORD_MMAP2 && header.size > sizeof(Mmap2) + sizeof time) {
      const auto* map = reinterpret_cast<const Mmap2*>(record.data());
      if (!(map->protection & PROT_EXEC) || map->length == 0 || map->address + map->length < map->address) return;
      event.kind = SideEvent::kMap;
      event.pid = static_cast<std::int32_t>(map->pid);
      const std::size_t room = header.size - sizeof(Mmap2) - sizeof time;
      event.mapping = {.start = map->address, .end = map->address + map->length, .file_offset = map->page_offset,
                       .module = module_of(*map, std::string(map->path, strnlen(map->path, room))), .since = event.time};
      events.push_back(std::move(event));
    }
  }

  std::vector<Ring> rings_;
  std::uint64_t lost_ = 0;
};

SideBand::SideBand(const std::vector<int>& cpus) : impl_(std::make_unique<Impl>(cpus)) {}
SideBand::~SideBand() = default;
std::vector<SideEvent> SideBand::drain() { return impl_->drain(); }
std::uint64_t SideBand::lost() const { return impl_->lost(); }

}  // namespace fdr

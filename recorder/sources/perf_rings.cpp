#include "recorder/sources/perf_rings.hpp"

#include <linux/perf_event.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <iterator>
#include <queue>

#include "formats/error.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kLeastRing = 32 << 10;
constexpr unsigned kDrainsPerSecond = 10;
constexpr std::uint32_t kLeastStack = 4 << 10, kMostStack = 32 << 10;

PerfRingKind ring_for(PerfKind kind) { return kind == kFlow ? kFlowRing : kind == kEnter || kind == kLeave ? kCallRing : kStackRing; }

PerfForm form_of(PerfRingKind kind) { return kind == kStackRing ? PerfForm::kStack : kind == kFlowRing ? PerfForm::kPlain : PerfForm::kRaw; }

// Its thread, and all that this started (perf_poll in kernel/events/core.c).
bool has_ended(const FileDescriptor& event) {
  pollfd asked{event.get(), 0, 0};
  return ::poll(&asked, 1, 0) == 1 && asked.revents & POLLHUP;
}

// The next record of a ring, and when.
struct Head {
  std::uint64_t time;
  std::size_t ring;
  std::span<const std::uint8_t> bytes;
  bool operator<(const Head& other) const { return time > other.time; }  // the earliest on top
};

}  // namespace

PerfRingSizes perf_ring_sizes(std::uint64_t memory, std::uint32_t slots, bool calls) {
  const auto share = [&](std::uint64_t part, std::uint64_t least, std::uint64_t most) { return std::bit_floor(std::clamp(memory / part / slots, least, most)); };
  return {{share(32, 256 << 10, 2 << 20), share(128, 64 << 10, 512 << 10), calls ? share(16, 128 << 10, 4 << 20) : 0}};
}

std::uint32_t perf_stack_bytes(const PerfRingSizes& sizes, unsigned frequency) {
  const std::uint64_t samples = frequency * 3 / 2 / kDrainsPerSecond + 2;  // half as much again: a tick may be late
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(sizes.bytes[kStackRing] / samples, kLeastStack, kMostStack)) & ~7u;
}

PerfRings::Ring* PerfRings::ring_of(PerfRingKind kind, int cpu) {
  const auto found = std::find_if(rings_.begin(), rings_.end(), [&](const Ring& ring) { return ring.kind == kind && ring.cpu == cpu; });
  return found == rings_.end() ? nullptr : &*found;
}

std::optional<PerfRing> PerfRings::map(int event, PerfRingKind kind) {
  for (std::uint64_t bytes = sizes_.bytes[kind]; bytes >= kLeastRing; bytes /= 2) {
    try {
      PerfRing ring(event, bytes, "a ring of perf events");
      halved_ |= bytes < sizes_.bytes[kind];
      return ring;
    } catch (const Error&) {  // EPERM: more locked memory than we may have
    }
  }
  errno = EPERM;
  return std::nullopt;
}

bool PerfRings::add(FileDescriptor event, PerfKind kind, std::int32_t tid, int cpu) {
  const PerfRingKind ring_kind = ring_for(kind);
  if (const Ring* ring = ring_of(ring_kind, cpu)) {
    if (::ioctl(event.get(), PERF_EVENT_IOC_SET_OUTPUT, ring->owner.get())) return false;
    events_[tid].push_back({std::move(event), kind});
    return true;
  }
  auto mapped = map(event.get(), ring_kind);
  if (!mapped) return false;
  rings_.push_back({ring_kind, cpu, std::move(event), std::move(*mapped), ring_kind == kCallRing});
  return true;
}

void PerfRings::close_ended() {
  // One of each thread is asked: they end together, but where one was not inherited by what the thread started.
  std::vector<pollfd> asked;
  for (const auto& [tid, events] : events_) asked.push_back({events.front().descriptor.get(), 0, 0});
  if (::poll(asked.data(), asked.size(), 0) <= 0) return;
  auto answer = asked.begin();
  for (auto thread = events_.begin(); thread != events_.end();) {
    if ((answer++)->revents & POLLHUP) std::erase_if(thread->second, [](const Event& event) { return has_ended(event.descriptor); });
    thread = thread->second.empty() ? events_.erase(thread) : std::next(thread);
  }
}

void PerfRings::drain(std::uint64_t until_ns, const Visit& visit) {
  std::priority_queue<Head> heads;
  const auto advance = [&](std::size_t index) {
    Ring& ring = rings_[index];
    const auto bytes = ring.ring.next();
    if (!bytes.empty()) heads.push({perf_time(bytes, form_of(ring.kind)), index, bytes});
  };
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    rings_[i].ring.begin();
    advance(i);
  }
  while (!heads.empty()) {
    const Head head = heads.top();
    heads.pop();
    Ring& ring = rings_[head.ring];
    if (head.time > until_ns) {
      ring.ring.put_back();
      continue;
    }
    if (const auto record = read_perf_record(head.bytes, form_of(ring.kind))) visit(*record, ring.kind, ring.cpu);
    else ++unreadable_;
    advance(head.ring);
  }
  for (Ring& ring : rings_) ring.ring.end();
}

std::vector<int> PerfRings::filling() const {
  std::vector<int> descriptors;
  for (const Ring& ring : rings_)
    if (ring.wakes) descriptors.push_back(ring.owner.get());
  return descriptors;
}

void PerfRings::stop_waking(int descriptor) {
  for (Ring& ring : rings_)
    if (ring.owner.get() == descriptor) ring.wakes = false;
}

void PerfRings::spare_calls(bool spare) {
  const unsigned long request = spare ? PERF_EVENT_IOC_DISABLE : PERF_EVENT_IOC_ENABLE;
  for (const Ring& ring : rings_)
    if (ring.kind == kCallRing) ::ioctl(ring.owner.get(), request, 0);
  for (const auto& [tid, events] : events_)
    for (const Event& event : events)
      if (ring_for(event.kind) == kCallRing) ::ioctl(event.descriptor.get(), request, 0);
}

}  // namespace fdr

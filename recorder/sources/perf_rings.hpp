// The rings of all CPUs that the events of the targets' threads write into, and their records in the order of time.
//
// Three for each CPU, so that what is rare is not lost to what is frequent: samples with stacks; lives, mappings and switches; system calls. A
// ring belongs to the first event that was opened there; the others write into it, and are closed when nobody is left to write. Locked memory: where the kernel grants less (unprivileged,
// perf_event_mlock_kb and RLIMIT_MEMLOCK) a ring is halved until it fits. Session thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "recorder/sources/perf_events.hpp"
#include "recorder/sources/perf_records.hpp"
#include "recorder/sources/perf_ring.hpp"

namespace fdr {

enum PerfRingKind { kStackRing, kFlowRing, kCallRing, kPerfRings };

// Bytes of each ring of one CPU, of what --memory leaves for them.
struct PerfRingSizes {
  std::array<std::uint64_t, kPerfRings> bytes{};
  std::uint64_t all() const { return bytes[kStackRing] + bytes[kFlowRing] + bytes[kCallRing]; }
};
PerfRingSizes perf_ring_sizes(std::uint64_t memory, std::uint32_t slots, bool calls);
// How much of a stack a sample can have, so that what a busy CPU samples between two drains fits.
std::uint32_t perf_stack_bytes(const PerfRingSizes& sizes, unsigned frequency);

class PerfRings {
 public:
  explicit PerfRings(const PerfRingSizes& sizes) : sizes_(sizes) {}

  // Takes an event of thread `tid` that was opened on `cpu`, to write into its ring. False, with errno, where it cannot.
  bool add(FileDescriptor event, PerfKind kind, std::int32_t tid, int cpu);
  // Closes the events of threads that have ended, and all that these started. Before a drain: asking them takes the wake-up of what was written
  // until then.
  void close_ended();
  // visit(record, ring, cpu) for what is there up to `until`, oldest first.
  using Visit = std::function<void(const PerfRecord&, PerfRingKind, int cpu)>;
  void drain(std::uint64_t until_ns, const Visit& visit);
  // Descriptors that become readable when a ring of system calls is half full: a flood fills it within a tick.
  std::vector<int> filling() const;
  // Its thread has ended, and all that it started: poll(2) would never wait for it again.
  void stop_waking(int descriptor);
  // System calls are not to be told of, or are again.
  void spare_calls(bool spare);

  const PerfRingSizes& sizes() const { return sizes_; }
  bool halved() const { return halved_; }
  std::uint64_t unreadable() const { return unreadable_; }  // records that were not what they should be

 private:
  struct Ring {
    PerfRingKind kind;
    int cpu;
    FileDescriptor owner;  // an event; never closed, the others write into its ring
    PerfRing ring;
    bool wakes = false;
  };
  Ring* ring_of(PerfRingKind kind, int cpu);
  std::optional<PerfRing> map(int event, PerfRingKind kind);

  PerfRingSizes sizes_;
  std::vector<Ring> rings_;
  struct Event {
    FileDescriptor descriptor;
    PerfKind kind;
  };
  std::map<std::int32_t, std::vector<Event>> events_;  // by thread, without the owners
  bool halved_ = false;
  std::uint64_t unreadable_ = 0;
};

}  // namespace fdr

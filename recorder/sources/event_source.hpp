// A backend: who records the targets into a window. Bpf, perf and proc write the same records into the same layout, so that all
// behind it (snapshot, decoder, recovery) knows one window and no backend.
//
// What a backend cannot give is in window().control->lacks, and in words in notes(): never an empty answer that looks like none of it. The
// functions with a body here are of that kind. Session thread only, unless said otherwise.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/clock.hpp"
#include "recorder/heap/allocator_links.hpp"
#include "recorder/heap/heap_reading.hpp"
#include "recorder/targets/process_identity.hpp"
#include "recorder/targets/process_table.hpp"
#include "recorder/window/canary.h"
#include "recorder/window/errno_total.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

class EventSource {
 public:
  EventSource() = default;
  virtual ~EventSource() = default;
  EventSource(const EventSource&) = delete;

  virtual WindowView window() const = 0;

  // From now on its threads, and what they fork, belong to `target`: not those of another process that has its number by then. `mute`: not
  // before their next execve.
  virtual void add_target(const ProcessIdentity& process, std::uint32_t target, bool mute) = 0;
  // Gives every thread of the targets added so far its slot.
  virtual void arm_threads() = 0;
  virtual void release_slot(std::uint32_t slot) = 0;
  virtual void renew_lease(Timestamp now) = 0;
  // What happened up to `now` is in the window when this returns. The rings must be up to date before they are copied, and before the life
  // ring is read.
  virtual void collect(Timestamp) {}
  // To be polled between ticks: readable where collect() is due before the next one. May change with each call.
  virtual std::vector<int> descriptors() const { return {}; }
  // One of them has hung up: it is not to be polled again.
  virtual void hung_up(int) {}
  // A bundle is begun: what can only be had by looking closely is looked at now.
  virtual void firing(Timestamp) {}
  // Executable mappings as they appeared, and exec boundaries, since the last call; those that could not be kept.
  virtual std::vector<SideEvent> side_events() = 0;
  virtual std::uint64_t side_lost() const { return 0; }
  // CPUs that came or went. Cheap when nothing changed. One that cannot be followed is a note: others are recorded on.
  virtual void follow_cpus() {}

  virtual std::vector<ErrnoTotal> errors() const { return {}; }
  // The host-wide tier, empty where it is off: failed calls, and who was found running (by tgid), of all who are no targets.
  virtual std::vector<std::pair<fdr_failing_key, fdr_failing>> failing() const { return {}; }
  virtual std::vector<std::pair<std::uint32_t, fdr_ticks>> bystander_ticks() const { return {}; }
  // One a CPU slot, live.
  virtual std::span<const fdr_canary> canaries() const { return {}; }
  // Blocks that targets hold; `asked` where one wants to know. Nothing is in it before an allocator is probed.
  virtual HeapReading heap() const { return {}; }
  virtual HeapPrograms heap_programs() const { return {}; }
  // Of processes that nobody knows any more: what they held makes room. May be called by another thread.
  virtual void forget_heap(const std::set<std::int32_t>&, Timestamp) const {}
  // What targets sent to the ports that heartbeats ask for.
  virtual std::vector<std::pair<fdr_send_key, fdr_send>> sends() const { return {}; }
  virtual std::uint64_t recursion_misses() const { return 0; }  // runs the kernel refused because the program was running already
  virtual std::uint64_t clock_period_ns() const = 0;
  virtual bool survives() const = 0;                             // the window, us
  virtual std::vector<std::string> notes() const = 0;            // what could not be had, said for people
};

}  // namespace fdr

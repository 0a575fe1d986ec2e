// The bpf backend: loads the programs, gives them their maps, attaches, arms threads, pins what must survive us (DESIGN 2.2).
//
// Everything the programs write is seen through window(). The destructor detaches and unpins: an orderly end leaves nothing behind. A
// recorder that is killed leaves pinned programs that fall silent when the lease is over (pins.hpp), and a window that PinnedWindow reads.
// Session thread only. libbpf is named in bpf_source.cpp, window_programs.cpp and pinned_window.cpp alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/timeline.hpp"
#include "recorder/config.hpp"
#include "recorder/heap/allocator_links.hpp"
#include "recorder/sources/pinned_window.hpp"
#include "recorder/window/canary.h"
#include "recorder/window/window.hpp"

namespace fdr {

class BpfSource {
 public:
  // Throws Error with the missing capability or feature, and what works without it.
  BpfSource(const Config& config, const WindowLayout& layout, const std::string& recorder_name);
  ~BpfSource();
  BpfSource(const BpfSource&) = delete;

  WindowView window() const;

  // From now on `pid`'s threads, and what they fork, belong to `target`. `mute`: not before their next execve.
  void add_target(std::int32_t pid, std::uint32_t target, bool mute);
  // Gives every thread of the targets added so far its slot.
  void arm_threads();
  void release_slot(std::uint32_t slot);
  void renew_lease(Timestamp now);
  // CPUs that came or went: clock events are opened for new ones. Cheap when nothing changed.
  void follow_cpus();

  std::vector<ErrnoTotal> errors() const;
  // The host-wide tier, empty where it is off: failed calls, and who was found running (by tgid), of all who are no targets.
  std::vector<std::pair<fdr_failing_key, fdr_failing>> failing() const;
  std::vector<std::pair<std::uint32_t, fdr_ticks>> bystander_ticks() const;
  // One a CPU slot, live.
  std::span<const fdr_canary> canaries() const;
  // Blocks that targets hold; `asked` where one wants to know. Nothing is in it before an allocator is probed.
  HeapReading heap() const;
  HeapPrograms heap_programs() const;
  // Of processes that nobody knows any more: what they held makes room. May be called by another thread.
  void forget_heap(const std::set<std::int32_t>& known, Timestamp before) const;
  // What targets sent to the ports that heartbeats ask for.
  std::vector<std::pair<fdr_send_key, fdr_send>> sends() const;
  std::uint64_t recursion_misses() const;  // runs the kernel refused because the program was running already
  std::uint64_t clock_period_ns() const;
  bool sees_calls() const;  // system calls are recorded: asked for, and not refused by the kernel
  bool pinned() const;  // the window survives us
  const std::vector<std::string>& notes() const;  // what could not be had, said for people

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// What this host allows, for `fdr doctor` and for errors.
struct BpfSupport {
  bool btf = false, load = false, perf = false, perf_links = false, uprobe_sessions = false;
  std::string problem;
};
BpfSupport probe_bpf();

}  // namespace fdr

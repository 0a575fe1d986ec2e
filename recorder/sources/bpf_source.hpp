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
#include "recorder/sources/event_source.hpp"
#include "recorder/sources/pinned_window.hpp"

namespace fdr {

class BpfSource : public EventSource {
 public:
  // Throws Error with the missing capability or feature, and what works without it.
  BpfSource(const Config& config, const WindowLayout& layout, const std::string& recorder_name);
  ~BpfSource() override;

  WindowView window() const override;
  void add_target(std::int32_t pid, std::uint32_t target, bool mute) override;
  void arm_threads() override;
  void release_slot(std::uint32_t slot) override;
  void renew_lease(Timestamp now) override;
  std::vector<SideEvent> side_events() override;
  std::uint64_t side_lost() const override;
  void follow_cpus() override;
  std::vector<ErrnoTotal> errors() const override;
  std::vector<std::pair<fdr_failing_key, fdr_failing>> failing() const override;
  std::vector<std::pair<std::uint32_t, fdr_ticks>> bystander_ticks() const override;
  std::span<const fdr_canary> canaries() const override;
  HeapReading heap() const override;
  HeapPrograms heap_programs() const override;
  void forget_heap(const std::set<std::int32_t>& known, Timestamp before) const override;
  std::vector<std::pair<fdr_send_key, fdr_send>> sends() const override;
  std::uint64_t recursion_misses() const override;
  std::uint64_t clock_period_ns() const override;
  bool survives() const override;
  std::vector<std::string> notes() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether this host allows it, cheaply enough for every start; `problem` is empty where it does.
struct BpfSupport {
  bool btf = false, load = false, perf = false;
  std::string problem;
};
BpfSupport probe_bpf();

// What it does better where the kernel can, for `fdr doctor`: reads the kernel's types.
struct BpfComforts {
  bool perf_links = false, uprobe_sessions = false;
};
BpfComforts probe_bpf_comforts();

}  // namespace fdr

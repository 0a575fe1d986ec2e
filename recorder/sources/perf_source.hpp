// The perf backend: stacks, switches, lives, mappings and system calls of the targets' threads from perf events, for kernels without BPF and
// users without its capabilities (DESIGN 8).
//
// Nothing is done in the kernel but writing: the session drains the rings once a tick, and writes the records of wire.h itself into a window in
// a shared file. Events belong to the targets' threads and go on in what they start, so others cost nothing and nothing is known of them. What
// this host refuses (tracepoints, time in the kernel) is found out by trying, and told in notes(). Session thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "recorder/config.hpp"
#include "recorder/sources/event_source.hpp"
#include "recorder/sources/perf_events.hpp"

namespace fdr {

class PerfSource : public EventSource {
 public:
  // Throws Error where not even the clock can be had.
  PerfSource(const Config& config, PerfSupport support, const WindowLayout& layout, std::uint64_t memory, const std::string& recorder_name);
  ~PerfSource() override;

  WindowView window() const override;
  void add_target(std::int32_t pid, std::uint32_t target, bool mute) override;
  void arm_threads() override;
  void release_slot(std::uint32_t slot) override;
  void renew_lease(Timestamp now) override;
  void collect(Timestamp now) override;
  std::vector<int> descriptors() const override;
  void hung_up(int descriptor) override;
  std::vector<SideEvent> side_events() override;
  std::uint64_t side_lost() const override;
  void follow_cpus() override;
  std::vector<ErrnoTotal> errors() const override;
  std::uint64_t clock_period_ns() const override;
  bool survives() const override;
  std::vector<std::string> notes() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

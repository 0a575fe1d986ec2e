// The proc backend: what /proc tells of processes of our own user, without any privilege (DESIGN 8). Threads are looked at once a tick, and
// seldomer where that would cost more than its share: who is there, who is gone, what it ran and waited for a CPU, whether it sleeps and how. So
// metrics, rules, heartbeats and text work, and open stalls with the stacks of sleeping threads at a firing; there are no samples.
//
// With allow_ptrace a firing stops threads that run for a moment and copies their stacks (ptrace_stack.hpp). Session thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "recorder/config.hpp"
#include "recorder/sources/event_source.hpp"

namespace fdr {

class ProcSource : public EventSource {
 public:
  ProcSource(const Config& config, const WindowLayout& layout, const std::string& recorder_name);
  ~ProcSource() override;

  WindowView window() const override;
  void add_target(std::int32_t pid, std::uint32_t target, bool mute) override;
  void arm_threads() override;
  void release_slot(std::uint32_t slot) override;
  void renew_lease(Timestamp now) override;
  void collect(Timestamp now) override;
  void firing(Timestamp now) override;
  std::vector<SideEvent> side_events() override;
  std::uint64_t clock_period_ns() const override;
  bool survives() const override;
  std::vector<std::string> notes() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

// `spin` and `stall`: threads of the targets that run without getting anywhere, and threads that do not get on. From the kernel-side
// account of each thread (wire.h, fdr_thread), so it costs no reading of /proc.
//
// A spin is CPU time that a thread burnt since it last finished a system call or gave its CPU up by itself: on a crowded host it grows
// as fast as the thread is let run. It is unknown where system calls are not counted. A stall is the time since a thread stopped:
// uninterruptible sleep (a parent in vfork excepted), runnable and not running, or on its CPU freeing memory for itself. The longest of all
// threads is said. Looked at each tick up to kEachTick threads, else each second; what begins and ends between two looks is in the
// ring of stalls, not here. Session thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/window/wire.h"
#include "triggers/metric_history.hpp"

namespace fdr {

class ThreadProgress {
 public:
  static constexpr std::size_t kEachTick = 512;

  ThreadProgress(const MetricCatalogue& catalogue, bool calls_are_counted);
  // `live`: slots in use.
  void read(const fdr_thread* threads, std::span<const std::uint32_t> live, Timestamp now, std::span<double> row);
  // Which thread it is that `when` speaks of: "; thread 'poll' (tid 7) ..."; empty where it names neither event.
  std::string explained(std::string_view when) const;

 private:
  // A thread since it last called or waited.
  struct Run {
    std::uint32_t id = 0;  // wire thread id; slots are used again
    std::uint64_t calls = 0, voluntary = 0, cpu_ns = 0;
  };
  struct Longest {
    double seconds = 0;
    std::int32_t tid = 0;
    std::string thread, how;
  };
  void look(const fdr_thread* threads, std::span<const std::uint32_t> live, Timestamp now);

  std::optional<MetricId> spin_id_, stall_id_;
  bool calls_are_counted_;
  std::vector<Run> runs_;  // by slot
  std::optional<Longest> spin_, stall_;
  Timestamp last_{};
};

}  // namespace fdr

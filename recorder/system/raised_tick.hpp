// The tick before ordinary work: where it may, the session's thread runs as SCHED_RR, so that under a busy host's load a beat that stays out is
// seen when it stays out. Measured with four threads burning on two CPUs: 99 of 100 ticks at most 0.15 ms late, 20 ms as an ordinary
// thread, 12 ms with nice -20, which is what is left where SCHED_RR is refused.
//
// Nobody can be starved by it: a thread that computes for kLongest without once waiting is an ordinary one until the next tick (RLIMIT_RTTIME,
// setrlimit(2)), and the kernel leaves others their part in any case (sched_rt_runtime_us, sched(7)). No thread or process that it starts
// inherits it (SCHED_RESET_ON_FORK). Memory is not locked: what the dumper maps to read symbols would stay too, and break the ceiling.
// One per process, on the thread that makes it; ends with the thread.
#pragma once

#include "formats/clock.hpp"

namespace fdr {

class RaisedTick {
 public:
  static constexpr Duration kLongest = std::chrono::milliseconds(50);

  RaisedTick();
  // At the beginning of a tick: raised again where the last one took too long.
  void begin();

  enum class Kind { kOrdinary, kNice, kRealtime };
  Kind kind() const { return kind_; }
  // "SCHED_RR", "nice -20", "ordinary": what was to be had.
  const char* kind_name() const { return kind_ == Kind::kRealtime ? "SCHED_RR" : kind_ == Kind::kNice ? "nice -20" : "ordinary"; }

 private:
  bool realtime();
  Kind kind_ = Kind::kOrdinary;
};

}  // namespace fdr

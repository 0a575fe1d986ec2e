// The perf side band: executable mappings as they appear (MMAP2 with build-id, 5.12) and exec boundaries (COMM with the exec flag), for every
// process of the host, in one small ring per CPU. Drained once a tick; nothing wakes us.
//
// With it the mappings of a process that lives 30 ms are known without ever having read its /proc. Times are CLOCK_MONOTONIC (use_clockid).
// Records lost to a full ring are counted. Session thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "recorder/sources/perf_records.hpp"
#include "recorder/targets/process_table.hpp"

namespace fdr {

class SideBand {
 public:
  // Opens one event per CPU given. Throws Error.
  explicit SideBand(const std::vector<int>& cpus);
  ~SideBand();

  std::vector<SideEvent> drain();
  std::uint64_t lost() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Of a mapping or an exec; nothing of any other record.
std::optional<SideEvent> side_event_of(const PerfRecord& record);

}  // namespace fdr

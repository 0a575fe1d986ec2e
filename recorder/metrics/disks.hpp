// The host's disks, together and the one that is worst off: host.disk.{read,written} in bytes, host.disk.requests, and over a sliding second
// host.disk.busy, .wait and .queue. From /proc/diskstats (Documentation/admin-guide/iostats.rst): of disks that have a device below
// /sys/block, so that what is stacked on them (partitions, dm, md, loop) does not count twice. Unknown where there is none. Session thread only.
//
// The kernel adds up how long requests took when they are done (block/blk-core.c, since 5.0). So that a disk that hangs is not the fastest of
// all, the queue is what was seen under way, and where none was done a wait is what the last ones waited, or for how long none has been done.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/metrics/proc_file.hpp"
#include "recorder/metrics/sliding_second.hpp"
#include "recorder/metrics/straight_line.hpp"
#include "recorder/metrics/sum_of_many.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

// Of a disk, in a line of diskstats; times in milliseconds, of which the kernel prints 32 bits, sectors of 512 bytes.
struct DiskTotals {
  std::uint64_t reads = 0, read_sectors = 0, writes = 0, written_sectors = 0, under_way = 0;
  std::uint32_t read_ms = 0, write_ms = 0, busy_ms = 0;
};

class DiskMetrics {
 public:
  explicit DiskMetrics(const MetricCatalogue& catalogue, const std::string& proc = "/proc", std::string blocks = "/sys/block", double cpu_share = 0.0001);
  void read(Timestamp now, std::span<double> row);
  ReadingCost cost() const { return budget_.cost(); }

 private:
  enum Value { kRead, kWritten, kRequests, kBusy, kWait, kQueue, kValues };
  struct Disk {
    bool counts = false;  // has a device of its own
    bool seen = false;    // at this reading
    DiskTotals last{};
    double waited_ms = 0, busy_ms = 0, under_way = 0, readings = 0;  // summed up since it was found
    SlidingSecond<5> second;  // requests, and those four
    double wait_s = 0;        // of the last that were done
    Timestamp none_since{};   // no request has been done since, or it was found then
  };
  Disk* known(std::string_view name, const DiskTotals& totals, Timestamp now);
  void take(std::string_view name, const DiskTotals& totals, Timestamp now);

  std::array<std::optional<MetricId>, kValues> ids_;
  std::array<double, kValues> values_{};
  SumOfMany<3> sums_;
  std::array<StraightLine, 3> lines_;
  std::map<std::string, Disk, std::less<>> disks_;
  ProcFile file_;
  std::string blocks_;
  CostBudget budget_;
  std::string buffer_;
};

}  // namespace fdr

// cgroup.*: the groups that the first target is in, cgroup v1 or v2: its CPU quota and its memory. Of each controller it is the nearest
// group upwards that has a limit, since limits of a container or a slice stand above the process's own group; where none has one, its
// own. Followed when the process is moved, and when another process of the target takes its place. Files stay open.
// Source: Documentation/admin-guide/{cgroup-v1,cgroup-v2}, proc_pid_mountinfo(5). Session thread only.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/metrics/proc_file.hpp"
#include "recorder/metrics/sliding_second.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

// Where a process's group of one controller is: the directory of the hierarchy, as it is mounted here, and the way down from it.
struct CgroupPlace {
  std::string mount;  // "/sys/fs/cgroup/memory"
  std::string path;   // "/a/b", empty for the root of the mount
  bool v2 = false;
};
// The text that says where groups are mounted here: /proc/self/mountinfo.
std::string cgroup_mounts(const std::string& proc);
// From the text of /proc/PID/cgroup and /proc/self/mountinfo. Nothing where this mount does not show the group.
std::optional<CgroupPlace> find_cgroup(std::string_view controller, std::string_view cgroup_text, std::string_view mountinfo_text);

// cpu.stat of either version.
struct CgroupThrottling {
  double periods = 0, throttled = 0, seconds = 0;
};
std::optional<CgroupThrottling> parse_cpu_stat(std::string_view text);
// Per cent of one CPU that a quota allows, from v2's cpu.max ("40000 100000") or v1's cpu.cfs_quota_us and cpu.cfs_period_us, one behind the
// other; nothing for "max" and -1.
std::optional<double> parse_cpu_quota(std::string_view text);
// A number of bytes; nothing for "max", and for what v1 calls unlimited.
std::optional<double> parse_limit(std::string_view text);

// A counter of whichever group it is read from: it goes on where it was when another group takes the place, whose own past is not a change.
class ContinuedCounter {
 public:
  void another() { fresh_ = true; }
  double value(double raw) {
    if (fresh_) shift_ = last_ ? *last_ - raw : 0;
    fresh_ = false;
    return *(last_ = raw + shift_);
  }

 private:
  bool fresh_ = true;
  double shift_ = 0;
  std::optional<double> last_;
};

class CgroupMetrics {
 public:
  explicit CgroupMetrics(const MetricCatalogue& catalogue, const std::string& proc = "/proc", double cpu_share = 0.00015);
  void began(std::int32_t pid, std::size_t target);
  void ended(std::int32_t pid);
  void read(Timestamp now, std::span<double> row);
  // Targets are or were there, and neither their quota nor their memory can be seen.
  bool blind() const { return blind_; }
  ReadingCost cost() const { return budget_.cost(); }

 private:
  enum Value { kThrottled, kThrottledTime, kCpuLimit, kMemory, kLimit, kSwap, kOom, kValues };
  struct Group {
    std::string directory;
    bool v2 = false;
  };
  std::optional<Group> limited_group(const CgroupPlace& place, const char* limit_v2, const char* limit_v1) const;
  void find_groups();
  void open_cpu(const std::optional<Group>& group);
  std::optional<double> cpu_quota(const Group& group) const;
  void open_memory(const std::optional<Group>& group);
  void read_cpu(Timestamp now);
  void read_memory();
  std::optional<std::string_view> text_of(ProcFile& file);

  std::string proc_;
  std::array<std::optional<MetricId>, kValues> ids_;
  std::array<double, kValues> values_{};
  std::set<std::int32_t> members_;  // of the first target
  CostBudget budget_;
  Timestamp found_at_{};
  bool moved_ = true, blind_ = false;
  std::string cgroups_, mounts_;  // as last seen of the first target, and where groups were mounted then
  std::string cpu_directory_, memory_directory_;
  bool memory_v2_ = false;
  ProcFile cpu_stat_, memory_, limit_, swap_, events_;
  SlidingSecond<2, 1950> periods_;
  ContinuedCounter throttled_seconds_, oom_kills_;
  std::string buffer_;
};

}  // namespace fdr

#include "recorder/metrics/cgroup.hpp"

#include <algorithm>
#include <limits>

#include "recorder/cost/self_cost.hpp"
#include "recorder/system/mounts.hpp"
#include "recorder/system/pretend.hpp"
#include "recorder/system/proc_text.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kLookAgain = std::chrono::seconds(5);
constexpr double kUnlimited = 4e18;  // v1 says LONG_MAX in whole pages
constexpr std::size_t kMostLevels = 64;

bool list_has(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == word) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// "7:cpu,cpuacct:/a/b": the path of the hierarchy with this controller, else that of v2 ("0::/a/b").
struct GroupPath {
  std::string_view path;
  bool v2 = false;
};
std::optional<GroupPath> path_of(std::string_view controller, std::string_view text) {
  std::optional<GroupPath> unified;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const auto group = cgroup_line(line);
    if (!group) continue;
    if (list_has(group->controllers, controller)) return GroupPath{group->path, false};
    if (line.starts_with("0::")) unified = GroupPath{group->path, true};
  }
  return unified;
}

}  // namespace

std::string cgroup_mounts(const std::string& proc) { return read_small_file(unless_missing("cgroups", proc + "/self/mountinfo")).value_or(""); }

std::optional<CgroupPlace> find_cgroup(std::string_view controller, std::string_view cgroup_text, std::string_view mountinfo_text) {
  const auto group = path_of(controller, cgroup_text);
  if (!group) return std::nullopt;
  while (const auto mount = next_mount(mountinfo_text)) {
    if (group->v2 ? mount->type != "cgroup2" : mount->type != "cgroup" || !list_has(mount->options, controller)) continue;
    // Only what is below the mounted part can be seen from here; "/.." is a group outside of our cgroup namespace.
    std::string path(group->path);
    if (const std::string& root = mount->root; root != "/") {
      if (!path.starts_with(root) || (path.size() > root.size() && path[root.size()] != '/')) continue;
      path = path.substr(root.size());
    }
    if (path == "/") path.clear();
    if (path.starts_with("/..") || path.find("/../") != std::string::npos) continue;
    return CgroupPlace{mount->point, path, group->v2};
  }
  return std::nullopt;
}

std::optional<CgroupThrottling> parse_cpu_stat(std::string_view text) {
  CgroupThrottling found;
  bool periods = false;
  for_each_field(text, [&](std::string_view name, double value) {
    if (name == "nr_periods") {
      found.periods = value;
      periods = true;
    } else if (name == "nr_throttled") {
      found.throttled = value;
    } else if (name == "throttled_usec") {
      found.seconds = value * 1e-6;
    } else if (name == "throttled_time") {  // v1, nanoseconds
      found.seconds = value * 1e-9;
    }
  });
  if (!periods) return std::nullopt;  // v2's root, or the controller is not on for this group
  return found;
}

std::optional<double> parse_cpu_quota(std::string_view text) {
  std::array<std::optional<double>, 2> found;  // quota, period
  for (auto& number : found) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    number = parse_count(text.substr(0, end));
    text.remove_prefix(end);
  }
  if (!found[0] || !found[1] || *found[0] <= 0 || *found[1] <= 0) return std::nullopt;
  return 100 * *found[0] / *found[1];
}

std::optional<double> parse_limit(std::string_view text) {
  std::string_view line = take_line(text);
  const auto limit = parse_count(take_word(line));
  if (!limit || *limit < 0 || *limit > kUnlimited) return std::nullopt;
  return limit;
}

CgroupMetrics::CgroupMetrics(const MetricCatalogue& catalogue, const std::string& proc, double cpu_share) : proc_(proc), budget_(cpu_share) {
  constexpr std::array<const char*, kValues> kNames = {"cgroup.throttled", "cgroup.throttled.time", "cgroup.cpu.limit", "cgroup.memory", "cgroup.memory.limit", "cgroup.swap", "cgroup.oom"};
  for (std::size_t i = 0; i < kValues; ++i) ids_[i] = catalogue.find(kNames[i]);
  values_.fill(kUnknown);
}

void CgroupMetrics::began(std::int32_t pid, std::size_t target) {
  if (target != 0) return;
  if (members_.empty() || pid <= *members_.begin()) moved_ = true;
  members_.insert(pid);
}

void CgroupMetrics::ended(std::int32_t pid) {
  if (!members_.empty() && *members_.begin() == pid) moved_ = true;
  members_.erase(pid);
}

std::optional<CgroupMetrics::Group> CgroupMetrics::limited_group(const CgroupPlace& place, const char* limit_v2, const char* limit_v1) const {
  std::string path = place.path;
  for (std::size_t level = 0; level < kMostLevels; ++level) {
    const std::string text = read_small_file(place.mount + path + "/" + (place.v2 ? limit_v2 : limit_v1), 256).value_or("");
    if (parse_limit(text)) return Group{place.mount + path, place.v2};
    if (path.empty()) break;
    path.resize(path.rfind('/'));
  }
  return Group{place.mount + place.path, place.v2};
}

// A file of a group that was removed says ENODEV for ever, also where one of the same name took its place.
std::optional<std::string_view> CgroupMetrics::text_of(ProcFile& file) {
  if (!file.is_open()) return std::nullopt;
  const auto text = file.read(buffer_);
  if (!text) file = ProcFile(), moved_ = true;
  return text;
}

void CgroupMetrics::find_groups() {
  const auto cgroups = members_.empty() ? std::nullopt : read_small_file(proc_ + "/" + std::to_string(*members_.begin()) + "/cgroup", 1 << 16);
  if (!cgroups) return;  // it has just ended; what is known stays until its end is told
  // Where groups are mounted is looked at again when the target has moved: hundreds of mounts take a millisecond to list.
  if (*cgroups != cgroups_ || blind_) mounts_ = cgroup_mounts(proc_);
  cgroups_ = *cgroups;
  const auto group = [&](const char* controller, const char* limit_v2, const char* limit_v1) -> std::optional<Group> {
    const auto place = find_cgroup(controller, cgroups_, mounts_);
    return place ? limited_group(*place, limit_v2, limit_v1) : std::nullopt;
  };
  const auto cpu = group("cpu", "cpu.max", "cpu.cfs_quota_us");
  open_cpu(cpu);
  values_[kCpuLimit] = cpu ? cpu_quota(*cpu).value_or(kUnknown) : kUnknown;  // it may be changed as long as the group lives
  open_memory(group("memory", "memory.max", "memory.limit_in_bytes"));
  blind_ = !cpu_stat_.is_open() && !memory_.is_open();
}

void CgroupMetrics::open_cpu(const std::optional<Group>& group) {
  const std::string directory = group ? group->directory : "";
  if (directory == cpu_directory_ && cpu_stat_.is_open()) return;
  cpu_directory_ = directory;
  periods_.clear();
  throttled_seconds_.another();
  cpu_stat_ = group ? ProcFile(directory + "/cpu.stat") : ProcFile();
}

std::optional<double> CgroupMetrics::cpu_quota(const Group& group) const {
  const auto text = [&](const char* file) { return read_small_file(group.directory + "/" + file, 256).value_or(""); };
  return parse_cpu_quota(group.v2 ? text("cpu.max") : text("cpu.cfs_quota_us") + " " + text("cpu.cfs_period_us"));
}

void CgroupMetrics::open_memory(const std::optional<Group>& group) {
  const std::string directory = group ? group->directory : "";
  if (directory == memory_directory_ && memory_.is_open()) return;
  memory_directory_ = directory;
  oom_kills_.another();
  for (ProcFile* file : {&memory_, &limit_, &swap_, &events_}) *file = ProcFile();
  if (!group) return;
  memory_v2_ = group->v2;
  memory_ = ProcFile(directory + (group->v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  limit_ = ProcFile(directory + (group->v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  swap_ = ProcFile(directory + (group->v2 ? "/memory.swap.current" : "/memory.memsw.usage_in_bytes"));
  events_ = ProcFile(directory + (group->v2 ? "/memory.events" : "/memory.oom_control"));
}

void CgroupMetrics::read_cpu(Timestamp now) {
  const auto text = text_of(cpu_stat_);
  const auto stat = text ? parse_cpu_stat(*text) : std::nullopt;
  values_[kThrottled] = values_[kThrottledTime] = kUnknown;
  if (!stat) return;
  values_[kThrottledTime] = throttled_seconds_.value(stat->seconds);
  const auto change = periods_.push(now, {stat->periods, stat->throttled});
  if (!change) return;
  // A group that sleeps has no periods, and is not throttled.
  values_[kThrottled] = change->amount[0] > 0 ? std::clamp(100 * change->amount[1] / change->amount[0], 0.0, 100.0) : 0;
}

void CgroupMetrics::read_memory() {
  const auto number = [&](ProcFile& file) {
    const auto text = text_of(file);
    return text ? parse_limit(*text).value_or(kUnknown) : kUnknown;
  };
  values_[kMemory] = number(memory_);
  values_[kLimit] = number(limit_);
  const double swap = number(swap_);
  values_[kSwap] = memory_v2_ ? swap : swap < values_[kMemory] ? 0 : swap - values_[kMemory];
  values_[kOom] = kUnknown;
  if (const auto text = text_of(events_))
    for_each_field(*text, [&](std::string_view name, double value) {
      if (name == "oom_kill") values_[kOom] = oom_kills_.value(value);  // v1 since 4.13
    });
}

void CgroupMetrics::read(Timestamp now, std::span<double> row) {
  budget_.advance(now);
  if (budget_.may_spend()) {
    const Duration begin = thread_cpu_time();
    if (members_.empty()) {
      open_cpu({});
      values_[kCpuLimit] = kUnknown;
      open_memory({});
    } else if (moved_ || now - found_at_ >= kLookAgain) {
      find_groups();
      moved_ = false;
      found_at_ = now;
    }
    read_cpu(now);
    read_memory();
    budget_.spent(thread_cpu_time() - begin);
  }
  for (std::size_t i = 0; i < kValues; ++i)
    if (ids_[i] && *ids_[i] < row.size()) row[*ids_[i]] = values_[i];
}

}  // namespace fdr

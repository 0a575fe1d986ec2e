#include "recorder/target_finder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "recorder/metrics/proc_text.hpp"
#include "recorder/proc_reader.hpp"
#include "recorder/self_cost.hpp"
#include "recorder/small_file.hpp"

namespace fdr {
namespace {

constexpr Duration kPause = std::chrono::seconds(1);

// In whichever hierarchy.
template <typename Wanted>
bool any_path(std::string_view cgroup_text, Wanted wanted) {
  while (!cgroup_text.empty())
    if (const auto group = cgroup_line(take_line(cgroup_text)); group && wanted(group->path)) return true;
  return false;
}

bool fits(const TargetConfig& target, std::int32_t pid) {
  if (!target.comm.empty() && comm_of(pid) != target.comm) return false;
  if (!target.exe.empty() && executable_of(pid) != target.exe) return false;
  if (target.unit.empty() && target.cgroup.empty()) return true;
  const std::string groups = read_small_file(fmt::format("/proc/{}/cgroup", pid), 1 << 16).value_or("");
  return (target.unit.empty() || in_unit(groups, target.unit)) && (target.cgroup.empty() || in_cgroup(groups, target.cgroup));
}

std::vector<std::int32_t> who_fits(const TargetConfig& target, const std::vector<std::int32_t>& pids) {
  std::vector<std::int32_t> found;
  for (const std::int32_t pid : pids)
    if (pid != ::getpid() && fits(target, pid)) found.push_back(pid);
  return found;
}

}  // namespace

bool is_described(const TargetConfig& target) {
  return !target.comm.empty() || !target.exe.empty() || !target.unit.empty() || !target.cgroup.empty();
}

std::string full_unit_name(const std::string& unit) { return unit.find('.') == std::string::npos ? unit + ".service" : unit; }

bool in_unit(std::string_view cgroup_text, std::string_view unit) {
  const std::string directory = "/" + std::string(unit) + "/";
  return any_path(cgroup_text, [&](std::string_view path) { return (std::string(path) + "/").find(directory) != std::string::npos; });
}

bool in_cgroup(std::string_view cgroup_text, std::string_view path) {
  return any_path(cgroup_text, [&](std::string_view own) { return own.starts_with(path) && (own.size() == path.size() || own[path.size()] == '/'); });
}

std::vector<std::int32_t> matching_pids(const TargetConfig& target) {
  std::vector<std::int32_t> found = target.pids;
  if (!is_described(target)) return found;
  for (const std::int32_t pid : who_fits(target, all_pids())) found.push_back(pid);
  return found;
}

TargetFinder::TargetFinder(const std::vector<TargetConfig>& targets)
    : targets_(targets), any_described_(std::any_of(targets.begin(), targets.end(), is_described)) {}

bool TargetFinder::due(bool nothing_followed, Timestamp now) const {
  return any_described_ && (looked_ == Timestamp{} || now - looked_ >= std::max(kPause, took_ * (nothing_followed ? 200 : 1000)));
}

std::vector<TargetFinder::Found> TargetFinder::look(const std::set<std::int32_t>& followed, Timestamp now) {
  std::vector<Found> all;
  looked_ = now;
  const Duration begin = thread_cpu_time();
  std::vector<std::int32_t> strangers = all_pids();
  std::erase_if(strangers, [&](std::int32_t pid) { return followed.contains(pid); });
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (!is_described(targets_[i])) continue;
    std::vector<std::int32_t> pids = who_fits(targets_[i], strangers);
    if (!pids.empty()) all.push_back({static_cast<std::uint32_t>(i), std::move(pids)});
  }
  took_ = thread_cpu_time() - begin;
  return all;
}

}  // namespace fdr

#include "recorder/targets/target_finder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "recorder/cost/self_cost.hpp"
#include "recorder/system/proc_text.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/targets/containers.hpp"
#include "recorder/targets/proc_reader.hpp"

namespace fdr {
namespace {

constexpr Duration kPause = std::chrono::seconds(1);
constexpr std::int32_t kKernelThreads = 2;  // kthreadd

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
  if (target.unit.empty() && target.cgroup.empty() && target.container.empty()) return true;
  const std::string groups = read_small_file(fmt::format("/proc/{}/cgroup", pid), 1 << 16).value_or("");
  return (target.unit.empty() || in_unit(groups, target.unit)) && (target.cgroup.empty() || in_cgroup(groups, target.cgroup)) &&
         (target.container.empty() || in_container(groups, target.container));
}

// The processes among whom targets are looked for. Who is whose child costs a read of each process, and is asked for `all` only.
class Candidates {
 public:
  const std::vector<std::int32_t>& of(const TargetConfig& target) {
    std::optional<std::vector<std::int32_t>>& list = target.all ? others_ : listed_;
    if (!list) list = target.all ? everybody_else(living_processes(), ::getpid()) : all_pids();
    return *list;
  }

 private:
  std::optional<std::vector<std::int32_t>> listed_, others_;
};

// Asked before and after its start is read: that is then the start of who fits.
std::vector<ProcessIdentity> who_fits(const TargetConfig& target, Candidates& candidates, const std::set<std::int32_t>& followed) {
  std::vector<ProcessIdentity> found;
  for (const std::int32_t pid : candidates.of(target)) {
    if (pid == ::getpid() || followed.contains(pid) || !fits(target, pid)) continue;
    const ProcessIdentity process = identity_of(pid);
    if (fits(target, pid)) found.push_back(process);
  }
  return found;
}

}  // namespace

bool is_described(const TargetConfig& target) {
  return !target.comm.empty() || !target.exe.empty() || !target.unit.empty() || !target.cgroup.empty() || !target.container.empty() || target.all;
}

std::string full_unit_name(const std::string& unit) { return unit.find('.') == std::string::npos ? unit + ".service" : unit; }

bool in_unit(std::string_view cgroup_text, std::string_view unit) {
  const std::string directory = "/" + std::string(unit) + "/";
  return any_path(cgroup_text, [&](std::string_view path) { return (std::string(path) + "/").find(directory) != std::string::npos; });
}

bool in_cgroup(std::string_view cgroup_text, std::string_view path) {
  return any_path(cgroup_text, [&](std::string_view own) { return own.starts_with(path) && (own.size() == path.size() || own[path.size()] == '/'); });
}

std::vector<std::int32_t> everybody_else(const std::vector<LivingProcess>& living, std::int32_t self) {
  std::unordered_map<std::int32_t, std::int32_t> parents;
  for (const LivingProcess& process : living) parents.emplace(process.pid, process.parent);
  std::set<std::int32_t> ours = {self};
  // A chain is no longer than there are processes: what /proc said of each came at different moments, and may go round.
  std::int32_t ancestor = self;
  for (std::size_t step = 0; step < living.size(); ++step) {
    const auto parent = parents.find(ancestor);
    if (parent == parents.end() || parent->second <= 0) break;
    ours.insert(ancestor = parent->second);
  }
  // In a container pid 2 may be anybody.
  const bool has_kernel_threads = std::any_of(living.begin(), living.end(), [](const LivingProcess& process) { return process.pid == kKernelThreads && process.name == "kthreadd"; });
  const auto of_kernel = [&](const LivingProcess& process) { return has_kernel_threads && (process.pid == kKernelThreads || process.parent == kKernelThreads); };
  const auto started_by_us = [&](std::int32_t pid) {
    for (std::size_t step = 0; step < living.size() && pid > 0; ++step) {
      if (pid == self) return true;
      const auto parent = parents.find(pid);
      pid = parent == parents.end() ? 0 : parent->second;
    }
    return false;
  };
  std::vector<std::int32_t> others;
  for (const LivingProcess& process : living)
    if (!of_kernel(process) && !ours.contains(process.pid) && !started_by_us(process.pid)) others.push_back(process.pid);
  return others;
}

std::vector<ProcessIdentity> matching_processes(const TargetConfig& target) {
  std::vector<ProcessIdentity> found;
  for (const std::int32_t pid : target.pids) found.push_back(identity_of(pid));
  if (!is_described(target)) return found;
  Candidates candidates;
  for (const ProcessIdentity& process : who_fits(target, candidates, {})) found.push_back(process);
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
  Candidates candidates;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (!is_described(targets_[i])) continue;
    std::vector<ProcessIdentity> processes = who_fits(targets_[i], candidates, followed);
    if (!processes.empty()) all.push_back({static_cast<std::uint32_t>(i), std::move(processes)});
  }
  took_ = thread_cpu_time() - begin;
  return all;
}

}  // namespace fdr

// What /proc says of the threads of a process, for backends that are not told by the kernel. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recorder/targets/process_identity.hpp"

namespace fdr {

std::vector<std::int32_t> threads_of(std::int32_t pid);

// /proc/PID/task/TID/stat
struct TaskStat {
  std::string comm;
  char state = '?';
  std::uint64_t start_boottime_ns = 0;
};
std::optional<TaskStat> task_stat(std::int32_t pid, std::int32_t tid);

// Whether it is still that process.
bool is_there(const ProcessIdentity& process);

// /proc/PID/task/TID/schedstat (CONFIG_SCHED_INFO): time on a CPU, and waiting for one.
struct TaskTimes {
  std::uint64_t ran_ns = 0, waited_ns = 0;
};
std::optional<TaskTimes> task_times(std::int32_t pid, std::int32_t tid);

// Throws Error: it is somebody else's.
[[noreturn]] void refuse_process(std::int32_t pid);

}  // namespace fdr

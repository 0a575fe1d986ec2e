#include "recorder/targets/task_files.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "formats/error.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/targets/process_text.hpp"

namespace fdr {

std::vector<std::int32_t> threads_of(std::int32_t pid) {
  std::vector<std::int32_t> tids;
  DIR* entries = ::opendir(fmt::format("/proc/{}/task", pid).c_str());
  while (const dirent* entry = entries ? ::readdir(entries) : nullptr) {
    const std::string_view name = entry->d_name;
    std::int32_t tid = 0;
    if (const auto parsed = std::from_chars(name.data(), name.data() + name.size(), tid); parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size()) tids.push_back(tid);
  }
  if (entries) ::closedir(entries);
  return tids;
}

std::optional<TaskStat> task_stat(std::int32_t pid, std::int32_t tid) {
  const auto text = read_small_file(fmt::format("/proc/{}/task/{}/stat", pid, tid), 4096);
  const long ticks = ::sysconf(_SC_CLK_TCK);
  const auto stat = parse_pid_stat(text.value_or(""), ticks, ::sysconf(_SC_PAGESIZE));
  if (!stat) return std::nullopt;
  return TaskStat{.comm = stat->comm, .state = stat->state, .start_boottime_ns = stat->start_ticks * (1'000'000'000u / static_cast<std::uint64_t>(ticks))};
}

bool is_there(const ProcessIdentity& process) {
  const auto leader = task_stat(process.pid, process.pid);
  return leader && process.fits(leader->start_boottime_ns);
}

void refuse_process(std::int32_t pid) {
  throw Error(fmt::format("process {} is not ours to record", pid), "record as its user, as root, or with CAP_SYS_PTRACE and CAP_PERFMON");
}

std::optional<TaskTimes> task_times(std::int32_t pid, std::int32_t tid) {
  const std::string text = read_small_file(fmt::format("/proc/{}/task/{}/schedstat", pid, tid), 256).value_or("");
  TaskTimes times;
  const char* const end = text.data() + text.size();
  const auto ran = std::from_chars(text.data(), end, times.ran_ns);
  if (ran.ec != std::errc{} || ran.ptr == end) return std::nullopt;
  if (std::from_chars(ran.ptr + 1, end, times.waited_ns).ec != std::errc{}) return std::nullopt;
  return times;
}

}  // namespace fdr

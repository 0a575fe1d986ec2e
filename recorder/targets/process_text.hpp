// The files of /proc/PID that say what a process is and has used. Free functions over text: malformed text gives nothing. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fdr {

struct ProcStat {  // /proc/PID/stat, parsed from the last ')' on: a comm may hold anything
  std::string comm;
  char state = '?';
  std::int32_t parent = 0;
  double user_s = 0, system_s = 0;
  std::uint64_t minor_faults = 0, major_faults = 0, rss_bytes = 0, start_ticks = 0;
  int threads = 0;
};
std::optional<ProcStat> parse_pid_stat(std::string_view text, long ticks_per_second, long page_size);

struct ProcMemory {
  std::uint64_t anon = 0, file = 0, shmem = 0, swap = 0;
  std::uint64_t voluntary = 0, involuntary = 0;
};  // bytes
std::optional<ProcMemory> parse_pid_status(std::string_view text);

}  // namespace fdr

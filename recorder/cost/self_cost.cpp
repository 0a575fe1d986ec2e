#include "recorder/cost/self_cost.hpp"

#include <sys/resource.h>
#include <time.h>

#include <charconv>
#include <string>
#include <string_view>

#include "recorder/system/proc_text.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

std::uint64_t kilobytes(std::string_view line) {
  const std::size_t digit = line.find_first_of("0123456789");
  std::uint64_t value = 0;
  if (digit != std::string_view::npos) std::from_chars(line.data() + digit, line.data() + line.size(), value);
  return value * 1024;
}

// "START-END PERMISSIONS OFFSET DEVICE INODE   NAME": of the lines of smaps only these begin with a number, in small letters (proc_pid_smaps(5)).
bool begins_mapping(std::string_view line) { return !line.empty() && std::string_view("0123456789abcdef").find(line[0]) != std::string_view::npos; }

// An array of the programs; or the file that the other backends keep it in (window_file.cpp), in memory or with a name: no other file is written
// through a mapping. Rings of perf events are no files.
bool is_window(std::string_view line) {
  if (line.find("bpf-map") != std::string_view::npos || line.find("bpf_map") != std::string_view::npos) return true;
  return line.find(" rw-s ") != std::string_view::npos && line.find('/') != std::string_view::npos;
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

}  // namespace

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Duration thread_cpu_time() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::uint64_t rss_beside_window(std::string_view smaps) {
  std::uint64_t sum = 0;
  bool window = false;
  while (!smaps.empty()) {
    const std::string_view line = take_line(smaps);
    if (line.starts_with("Rss:")) sum += window ? 0 : kilobytes(line);
    else if (begins_mapping(line)) window = is_window(line);
  }
  return sum;
}

std::uint64_t own_rss_bytes(std::uint64_t snapshot_bytes) {
  return less(rss_beside_window(read_small_file("/proc/self/smaps", 4u << 20).value_or("")), snapshot_bytes);
}

std::uint64_t own_anonymous_bytes(std::uint64_t snapshot_bytes) {
  const std::string status = read_small_file("/proc/self/status", 65536).value_or("");
  const std::size_t at = status.find("RssAnon:");
  return at == std::string::npos ? 0 : less(kilobytes(std::string_view(status).substr(at)), snapshot_bytes);
}

}  // namespace fdr

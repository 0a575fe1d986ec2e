#include "recorder/system/system_text.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/klog.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "recorder/system/patient_read.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostBytes = 256 * 1024, kMostProcesses = 16, kMostDescriptors = 1024;

constexpr std::array kSystemFiles = {
    "meminfo", "vmstat", "stat", "loadavg", "uptime", "diskstats", "interrupts", "softirqs", "buddyinfo", "swaps", "net/dev", "net/snmp",
    "net/netstat", "net/sockstat", "net/softnet_stat", "pressure/cpu", "pressure/memory", "pressure/io", "sys/fs/dentry-state",
    "sys/fs/file-nr", "sys/fs/inode-state"};
constexpr std::array kFirstOnly = {"net/tcp", "net/tcp6", "net/udp", "net/unix"};  // large: at the firing only
constexpr std::array kProcessFiles = {"status", "stat", "statm", "limits", "cgroup", "io", "sched", "schedstat", "wchan",
                                      "oom_score_adj", "net/sockstat", "net/snmp", "net/netstat"};
constexpr std::array kFacts = {"cmdline", "version", "cpuinfo", "mounts", "filesystems", "modules", "sys/kernel/osrelease", "sys/kernel/perf_event_paranoid",
                               "sys/kernel/pid_max", "sys/kernel/threads-max", "sys/vm/overcommit_memory", "sys/vm/swappiness", "sys/vm/max_map_count",
                               "sys/vm/dirty_ratio", "sys/vm/dirty_background_ratio", "sys/vm/vfs_cache_pressure", "sys/vm/min_free_kbytes",
                               "sys/fs/file-max", "sys/fs/nr_open", "sys/net/core/somaxconn", "sys/net/core/rmem_max", "sys/net/core/wmem_max",
                               "sys/net/core/rmem_default", "sys/net/ipv4/tcp_rmem", "sys/net/ipv4/tcp_wmem", "sys/net/ipv4/ip_local_port_range",
                               "sys/net/ipv4/tcp_max_syn_backlog"};
constexpr std::array kProcessFirstOnly = {"net/tcp", "net/tcp6"};  // of its own network namespace; large: at the firing only
// Tuning variables that explain a runtime's behaviour; nothing else of an environment is read out.
constexpr std::array<std::string_view, 12> kTuningPrefixes = {"GOGC=", "GOMAXPROCS=", "GOMEMLIMIT=", "GODEBUG=", "NODE_OPTIONS=", "UV_THREADPOOL_SIZE=",
                                                              "MALLOC_", "GLIBC_TUNABLES=", "JAVA_TOOL_OPTIONS=", "PYTHONMALLOC=",
                                                              "OMP_NUM_THREADS=", "TOKIO_WORKER_THREADS="};

void put(const std::string& to, std::optional<std::string> text, TextFiles& files) {
  if (text && !text->empty()) files[to] = std::move(*text);
}

void take(const std::string& from, const std::string& to, TextFiles& files) { put(to, read_small_file(from, kMostBytes), files); }

std::string flat(std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

std::string descriptors_of(std::int32_t pid) {
  const std::string path = fmt::format("/proc/{}/fd", pid);
  std::string text;
  DIR* entries = ::opendir(path.c_str());
  if (!entries) return text;
  std::size_t shown = 0, all = 0;
  while (const dirent* entry = ::readdir(entries)) {
    if (entry->d_name[0] == '.') continue;
    if (++all > kMostDescriptors) continue;
    ++shown;
    text += fmt::format("{} {}\n", entry->d_name, read_link(path + "/" + entry->d_name));
  }
  ::closedir(entries);
  if (all > shown) text += fmt::format("... and {} more\n", all - shown);
  return text;
}

std::string threads_of(std::int32_t pid) {
  const std::string path = fmt::format("/proc/{}/task", pid);
  std::string text;
  DIR* entries = ::opendir(path.c_str());
  if (!entries) return text;
  std::size_t all = 0;
  while (const dirent* entry = ::readdir(entries)) {
    if (entry->d_name[0] == '.' || ++all > kMostDescriptors) continue;
    const std::string thread = path + "/" + entry->d_name;
    text += read_small_file(thread + "/stat", 1024).value_or("");
  }
  ::closedir(entries);
  if (all > kMostDescriptors) text += fmt::format("... and {} more\n", all - kMostDescriptors);
  return text;
}

std::string tuning_of(std::int32_t pid) {
  const std::string all = read_patiently(pid, "environ", kMostBytes).value_or("");
  std::string text;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    const std::string_view variable(all.data() + at, end - at);
    if (std::any_of(kTuningPrefixes.begin(), kTuningPrefixes.end(), [&](std::string_view prefix) { return variable.starts_with(prefix); }))
      text.append(variable) += '\n';
    at = end + 1;
  }
  return text;
}

}  // namespace

void take_system_text(const std::string& moment, TextFiles& files) {
  const std::string to = "system/" + moment + "/";
  for (const char* name : kSystemFiles) take(std::string("/proc/") + name, to + flat(name), files);
  if (moment != "at") return;
  for (const char* name : kFirstOnly) take(std::string("/proc/") + name, to + flat(name), files);
  // SYSLOG_ACTION_READ_ALL (3): the last part of the kernel log, without consuming it.
  std::string log(kMostBytes, '\0');
  const int length = ::klogctl(3, log.data(), static_cast<int>(log.size()));
  if (length > 0) {
    log.resize(static_cast<std::size_t>(length));
    files[to + "kernel_log"] = std::move(log);
  }
}

void take_process_text(const std::string& moment, const std::vector<std::int32_t>& pids, TextFiles& files) {
  for (std::size_t i = 0; i < pids.size() && i < kMostProcesses; ++i) {
    const std::string from = fmt::format("/proc/{}/", pids[i]), to = fmt::format("process/{}/{}/", pids[i], moment);
    for (const char* name : kProcessFiles) take(from + name, to + flat(name) + ".txt", files);
    put(to + "maps.txt", read_patiently(pids[i], "maps", kMostBytes), files);
    if (moment != "at") continue;
    for (const char* name : kProcessFirstOnly) take(from + name, to + flat(name) + ".txt", files);
    put(to + "fds.txt", descriptors_of(pids[i]), files);
    put(to + "threads.txt", threads_of(pids[i]), files);
    put(to + "tuning.txt", tuning_of(pids[i]), files);
  }
}

void take_facts(TextFiles& files) {
  for (const char* name : kFacts) take(std::string("/proc/") + name, "system/facts/" + flat(name), files);
}

}  // namespace fdr

#include "recorder/metrics/catalogue.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "recorder/logs/line_source.hpp"
#include "recorder/metrics/cpu_states.hpp"
#include "recorder/metrics/slab.hpp"
#include "recorder/metrics/sockets.hpp"
#include "recorder/metrics/syscall_figures.hpp"
#include "triggers/quantity.hpp"

namespace fdr {
namespace {

constexpr double kNoMaximum = std::numeric_limits<double>::infinity();
constexpr const char* kStat = "/proc/stat, mean over the last second";
constexpr const char* kPressure = "/proc/pressure total=, share of the last second";
constexpr const char* kPidStat = "/proc/PID/stat, living and ended processes, mean over the last second";
constexpr const char* kPidStatus = "/proc/PID/status";
constexpr const char* kDisks = "/proc/diskstats, of disks with a device of their own";
constexpr const char* kInterfaces = "/proc/net/dev, network namespace of the recorder";
constexpr const char* kDentryState = "/proc/sys/fs/dentry-state";
constexpr const char* kAccounting = "kernel-side accounting, backend bpf";

struct Entry {
  const char* name;
  Unit unit;
  MetricKind kind;
  const char* base;
  const char* source;
  double maximum = kNoMaximum;
  bool event = false;
};

constexpr auto kGauge = MetricKind::kGauge;
constexpr auto kCounter = MetricKind::kCounter;

constexpr std::array kHost = {
    Entry{"host.cpu.user", Unit::kPercent, kGauge, "% of all CPUs", kStat, 100},
    Entry{"host.cpu.system", Unit::kPercent, kGauge, "% of all CPUs", kStat, 100},
    Entry{"host.cpu.iowait", Unit::kPercent, kGauge, "% of all CPUs", kStat, 100},
    Entry{"host.cpu.irq", Unit::kPercent, kGauge, "% of all CPUs", kStat, 100},
    Entry{"host.cpu.softirq", Unit::kPercent, kGauge, "% of all CPUs", kStat, 100},
    Entry{"host.cpu.steal", Unit::kPercent, kGauge, "% of all CPUs", kStat, 100},
    Entry{"host.cpu.busy", Unit::kPercent, kGauge, "% of all CPUs, all but idle and iowait", kStat, 100},
    Entry{"host.cpu.max.user", Unit::kPercent, kGauge, "% of the CPU where it is most", kStat, 100},
    Entry{"host.cpu.max.system", Unit::kPercent, kGauge, "% of the CPU where it is most", kStat, 100},
    Entry{"host.cpu.max.iowait", Unit::kPercent, kGauge, "% of the CPU where it is most", kStat, 100},
    Entry{"host.cpu.max.irq", Unit::kPercent, kGauge, "% of the CPU where it is most", kStat, 100},
    Entry{"host.cpu.max.softirq", Unit::kPercent, kGauge, "% of the CPU where it is most", kStat, 100},
    Entry{"host.cpu.max.steal", Unit::kPercent, kGauge, "% of the CPU where it is most", kStat, 100},
    Entry{"host.cpu.max.busy", Unit::kPercent, kGauge, "% of the CPU where it is most, all but idle and iowait", kStat, 100},
    Entry{"host.standstill", Unit::kSeconds, kGauge, "seconds for which a busy CPU gave no clock tick, of all CPUs, in the last second or two: interrupts off, stolen, paused", kAccounting},
    Entry{"host.standstill.cpus", Unit::kNone, kGauge, "CPUs for which that was 100 ms or more", kAccounting},
    Entry{"host.mem.total", Unit::kBytes, kGauge, "bytes", "/proc/meminfo MemTotal"},
    Entry{"host.mem.free", Unit::kBytes, kGauge, "bytes", "/proc/meminfo MemFree"},
    Entry{"host.mem.available", Unit::kBytes, kGauge, "bytes", "/proc/meminfo MemAvailable"},
    Entry{"host.mem.cached", Unit::kBytes, kGauge, "bytes", "/proc/meminfo Cached"},
    Entry{"host.mem.dirty", Unit::kBytes, kGauge, "bytes", "/proc/meminfo Dirty"},
    Entry{"host.mem.anon", Unit::kBytes, kGauge, "bytes", "/proc/meminfo AnonPages"},
    Entry{"host.mem.slab", Unit::kBytes, kGauge, "bytes", "/proc/meminfo Slab"},
    Entry{"host.mem.buffers", Unit::kBytes, kGauge, "bytes", "/proc/meminfo Buffers"},
    Entry{"host.mem.swap_cached", Unit::kBytes, kGauge, "bytes", "/proc/meminfo SwapCached"},
    Entry{"host.mem.shared", Unit::kBytes, kGauge, "bytes, a part of cached", "/proc/meminfo Shmem"},
    Entry{"host.mem.page_tables", Unit::kBytes, kGauge, "bytes", "/proc/meminfo PageTables"},
    Entry{"host.mem.kernel_stacks", Unit::kBytes, kGauge, "bytes", "/proc/meminfo KernelStack"},
    Entry{"host.mem.per_cpu", Unit::kBytes, kGauge, "bytes", "/proc/meminfo Percpu"},
    Entry{"host.mem.vmalloc", Unit::kBytes, kGauge, "bytes, kernel stacks included", "/proc/meminfo VmallocUsed"},
    Entry{"host.mem.huge_pages", Unit::kBytes, kGauge, "bytes set apart as huge pages", "/proc/meminfo Hugetlb"},
    Entry{"host.mem.sockets", Unit::kBytes, kGauge, "bytes of TCP and UDP", "/proc/net/sockstat mem"},
    Entry{"host.swap.used", Unit::kBytes, kGauge, "bytes", "/proc/meminfo SwapTotal - SwapFree"},
    Entry{"host.swap.in", Unit::kBytes, kCounter, "bytes", "/proc/vmstat pswpin"},
    Entry{"host.swap.out", Unit::kBytes, kCounter, "bytes", "/proc/vmstat pswpout"},
    Entry{"host.vm.scan", Unit::kNone, kCounter, "pages", "/proc/vmstat pgscan_*"},
    Entry{"host.vm.steal", Unit::kNone, kCounter, "pages", "/proc/vmstat pgsteal_*"},
    Entry{"host.vm.allocstall", Unit::kNone, kCounter, "direct reclaims", "/proc/vmstat allocstall_*"},
    Entry{"host.vm.faults", Unit::kNone, kCounter, "page faults", "/proc/vmstat pgfault"},
    Entry{"host.vm.compactstall", Unit::kNone, kCounter, "direct compactions", "/proc/vmstat compact_stall"},
    Entry{"host.vm.oom_kill", Unit::kNone, kCounter, "processes killed for want of memory, limits of cgroups included",
          "/proc/vmstat oom_kill"},
    Entry{"host.psi.cpu.some", Unit::kPercent, kGauge, "% of time in which some task waited", kPressure, 100},
    Entry{"host.psi.cpu.full", Unit::kPercent, kGauge, "% of time in which all tasks waited", kPressure, 100},
    Entry{"host.psi.memory.some", Unit::kPercent, kGauge, "% of time in which some task waited", kPressure, 100},
    Entry{"host.psi.memory.full", Unit::kPercent, kGauge, "% of time in which all tasks waited", kPressure, 100},
    Entry{"host.psi.io.some", Unit::kPercent, kGauge, "% of time in which some task waited", kPressure, 100},
    Entry{"host.psi.io.full", Unit::kPercent, kGauge, "% of time in which all tasks waited", kPressure, 100},
    Entry{"host.dentries", Unit::kNone, kGauge, "dentries, used and unused", kDentryState},
    Entry{"host.dentries.unused", Unit::kNone, kGauge, "dentries nobody uses, kept for the next lookup", kDentryState},
    Entry{"host.dentries.negative", Unit::kNone, kGauge, "dentries of names that do not exist (since 5.0)", kDentryState},
    Entry{"host.inodes", Unit::kNone, kGauge, "inodes in memory", "/proc/sys/fs/inode-state"},
    Entry{"host.files", Unit::kNone, kGauge, "open files", "/proc/sys/fs/file-nr"},
    Entry{"host.disk.read", Unit::kBytes, kCounter, "bytes, of all disks", kDisks},
    Entry{"host.disk.written", Unit::kBytes, kCounter, "bytes, of all disks", kDisks},
    Entry{"host.disk.requests", Unit::kNone, kCounter, "reads and writes that were completed, of all disks", kDisks},
    Entry{"host.disk.busy", Unit::kPercent, kGauge, "% of the last second in which the busiest disk had requests", kDisks, 100},
    Entry{"host.disk.wait", Unit::kSeconds, kGauge, "seconds that a request took, mean of the last second, of the slowest disk", kDisks},
    Entry{"host.disk.queue", Unit::kNone, kGauge, "requests under way, mean of the last second, of the disk with most", kDisks},
    Entry{"host.net.rx.bytes", Unit::kBytes, kCounter, "bytes, of all interfaces but lo", kInterfaces},
    Entry{"host.net.tx.bytes", Unit::kBytes, kCounter, "bytes, of all interfaces but lo", kInterfaces},
    Entry{"host.net.errors", Unit::kNone, kCounter, "packets that interfaces received or sent with an error", kInterfaces},
    Entry{"host.net.drops", Unit::kNone, kCounter, "packets that interfaces dropped, either way", kInterfaces},
    Entry{"host.net.udp.rcvbuf_errors", Unit::kNone, kCounter, "datagrams dropped for want of receive buffer",
          "/proc/net/snmp Udp RcvbufErrors, network namespace of the recorder"},
    Entry{"host.net.tcp.retransmits", Unit::kNone, kCounter, "segments",
          "/proc/net/snmp Tcp RetransSegs, network namespace of the recorder"},
    Entry{"host.net.tcp.listen_overflows", Unit::kNone, kCounter, "connections",
          "/proc/net/netstat TcpExt ListenOverflows, network namespace of the recorder"},
};

// Behind "process." and "process[NAME].".
constexpr std::array kProcess = {
    Entry{"cpu.user", Unit::kPercent, kGauge, "% of one CPU", kPidStat},
    Entry{"cpu.system", Unit::kPercent, kGauge, "% of one CPU", kPidStat},
    Entry{"cpu.total", Unit::kPercent, kGauge, "% of one CPU", kPidStat},
    Entry{"rss", Unit::kBytes, kGauge, "bytes, anonymous of each process and the largest shared part", kPidStatus},
    Entry{"anon", Unit::kBytes, kGauge, "bytes", kPidStatus},
    Entry{"swap", Unit::kBytes, kGauge, "bytes", kPidStatus},
    Entry{"file", Unit::kBytes, kGauge, "bytes of mapped files in memory, of the process with most", kPidStatus},
    Entry{"shmem", Unit::kBytes, kGauge, "bytes of shared memory mapped, of the process with most", kPidStatus},
    Entry{"fds", Unit::kNone, kGauge, "open descriptors", "/proc/PID/fd"},
    Entry{"threads", Unit::kNone, kGauge, "threads", "/proc/PID/stat"},
    Entry{"age", Unit::kSeconds, kGauge, "seconds since the oldest process started", "/proc/PID/stat"},
    Entry{"faults.minor", Unit::kNone, kCounter, "page faults", "/proc/PID/stat"},
    Entry{"faults.major", Unit::kNone, kCounter, "page faults that waited for a disk", "/proc/PID/stat"},
    Entry{"processes", Unit::kNone, kGauge, "living processes", "/proc/PID/stat"},
    Entry{"switches.voluntary", Unit::kNone, kCounter, "context switches",
          "/proc/PID/status, first thread of each process"},
    Entry{"switches.involuntary", Unit::kNone, kCounter, "context switches",
          "/proc/PID/status, first thread of each process"},
};

// Of a target's tree too; filled by the session from what the kernel side counts.
constexpr std::array kAccountedTree = {
    Entry{"cpu.demand", Unit::kPercent, kGauge, "% of one CPU, running and waiting for one", kAccounting},
    Entry{"cpu.wait", Unit::kPercent, kGauge, "% of one CPU, ready to run and waiting for one", kAccounting},
    Entry{"syscalls", Unit::kNone, kCounter, "system calls", kAccounting},
    Entry{"syscalls.errors", Unit::kNone, kCounter, "system calls that failed", kAccounting},
};

// Of a target's tree too; read out of the memory of its Go programs.
constexpr std::array kRuntimes = {
    Entry{"goroutines", Unit::kNone, kGauge, "goroutines that live, as runtime.NumGoroutine has it",
          "runtime.allgs of each Go process, read from outside, each second"},
};

// Of all targets together only.
constexpr std::array kAccounted = {
    Entry{"thread.cpu.max", Unit::kPercent, kGauge, "% of one CPU, of the busiest thread", kAccounting},
    Entry{"exit.code", Unit::kNone, kGauge, "exit code of a target's first process, 128 + signal where one ended it",
          "wait status, at its exit", kNoMaximum, true},
    Entry{"exit.signal", Unit::kNone, kGauge, "signal that ended a target's first process, 0 for none",
          "wait status, at its exit", kNoMaximum, true},
};

constexpr std::array kRecorder = {
    Entry{"recorder.cpu", Unit::kPercent, kGauge, "% of one CPU", "getrusage, mean over the last second"},
    Entry{"recorder.rss", Unit::kBytes, kGauge, "bytes, without window and snapshot", "/proc/self, each second"},
    Entry{"recorder.calls_spared", Unit::kNone, kGauge, "1 while system calls are not looked at, to keep to max_cpu", "itself; known with max_cpu"},
    Entry{"recorder.lateness", Unit::kSeconds, kGauge, "seconds by which the tick was late", "clock"},
};

// Of the groups that the first target's first process is in.
constexpr const char* kCgroupStat = "cpu.stat of its group, v1 or v2, over the last two seconds";
constexpr std::array kCgroup = {
    Entry{"cgroup.throttled", Unit::kPercent, kGauge, "% of the quota's periods in which it ran out", kCgroupStat, 100},
    Entry{"cgroup.throttled.time", Unit::kSeconds, kCounter, "seconds that its CPUs were not allowed to run", "cpu.stat of its group, v1 or v2"},
    Entry{"cgroup.cpu.limit", Unit::kPercent, kGauge, "% of one CPU, the nearest quota on the way to the root", "cpu.max of its group (v1: cpu.cfs_quota_us), each 5 s"},
    Entry{"cgroup.memory", Unit::kBytes, kGauge, "bytes charged to it, page cache included", "memory.current (v1: memory.usage_in_bytes)"},
    Entry{"cgroup.memory.limit", Unit::kBytes, kGauge, "bytes, of the nearest group upwards that has one", "memory.max (v1: memory.limit_in_bytes)"},
    Entry{"cgroup.swap", Unit::kBytes, kGauge, "bytes", "memory.swap.current (v1: memory.memsw.usage_in_bytes less memory)"},
    Entry{"cgroup.oom", Unit::kNone, kCounter, "processes killed for want of memory in it", "memory.events oom_kill (v1: memory.oom_control)"},
};

// Rules use them like metrics; "how long", so that `spin > 2s` says all.
constexpr std::array kEvents = {
    Entry{"spin", Unit::kSeconds, kGauge, "seconds of CPU that one thread of a target burnt since it last called the kernel or waited", kAccounting},
    Entry{"stall", Unit::kSeconds, kGauge,
          "seconds that one thread of a target makes no progress: waits uninterruptibly, waits for a CPU, or frees memory", kAccounting},
    Entry{"oom", Unit::kNone, kGauge, "processes of the host killed for want of memory in the last ten seconds", "/proc/vmstat oom_kill"},
};

// Behind "host.slab.": caches that fill memory on real hosts. Others stand in the bundle's slab totals.
constexpr const char* kSlabSource = "/sys/kernel/slab/CACHE slabs x order, each second; not where the kernel merged it into another cache";

MetricInfo made(const std::string& name, const Entry& entry, const std::string& scope) {
  return {name, entry.unit, entry.kind, scope, entry.base, entry.source, entry.maximum, entry.event};
}

// What is said of a target's sockets: names from where they are counted.
void add_sockets(const std::string& prefix, const std::string& scope, MetricCatalogue& catalogue) {
  constexpr const char* kSource = "sock_diag in the targets' network namespaces, by the inodes of /proc/PID/fd, each second";
  for (const char* name : socket_gauge_names()) {
    const std::string_view short_name = name;
    const std::string state(short_name.substr(std::min(short_name.size(), sizeof "sockets")));
    const std::string base = state.empty()       ? "sockets of any kind that are open"
                             : state == "udp"    ? "UDP sockets"
                             : state == "unread" ? "TCP and UDP sockets with bytes that were not read"
                             : state == "unsent" ? "TCP and UDP sockets with bytes that were not sent or not acknowledged"
                                                 : "TCP sockets in " + state;
    catalogue.add({prefix + name, Unit::kNone, MetricKind::kGauge, scope, base, kSource});
  }
  for (const char* name : socket_counter_names()) {
    const std::string_view short_name = name;
    const bool bytes = short_name.ends_with("bytes");
    const std::string base = short_name.ends_with("packets") ? short_name.starts_with("net.rx") ? "TCP segments received, by sockets seen at a look" : "TCP segments sent, by sockets seen at a look"
                             : !bytes ? "datagrams and packets dropped by sockets, receive buffer full"
                             : short_name.starts_with("net.rx") ? "bytes received over TCP, by sockets seen at a look"
                                                                : "bytes acknowledged by TCP peers, of sockets seen at a look";
    catalogue.add({prefix + name, bytes ? Unit::kBytes : Unit::kNone, MetricKind::kCounter, scope, base, kSource});
  }
}

}  // namespace

MetricCatalogue build_catalogue(const Config& config) {
  MetricCatalogue catalogue;
  for (const Entry& entry : kHost) catalogue.add(made(entry.name, entry, "host"));
  const auto add_tree = [&](const std::string& prefix, const std::string& scope) {
    for (const Entry& entry : kProcess) catalogue.add(made(prefix + entry.name, entry, scope));
    for (const Entry& entry : kAccountedTree) catalogue.add(made(prefix + entry.name, entry, scope));
    for (const Entry& entry : kRuntimes) catalogue.add(made(prefix + entry.name, entry, scope));
    add_sockets(prefix, scope, catalogue);
  };
  for (const char* cache : slab_caches())
    catalogue.add({"host.slab." + std::string(cache), Unit::kBytes, MetricKind::kGauge, "host", "bytes of the cache's slabs", kSlabSource});
  add_tree("process.", "all targets");
  for (const Entry& entry : kAccounted) catalogue.add(made(entry.name, entry, "all targets"));
  for (const Entry& entry : kCgroup) catalogue.add(made(entry.name, entry, "cgroup of the first target"));
  for (const Entry& entry : kEvents) catalogue.add(made(entry.name, entry, entry.name == std::string_view("oom") ? "host" : "all targets"));
  for (const TargetConfig& target : config.targets) {
    if (!target.name.empty()) add_tree("process[" + target.name + "].", "target " + target.name);
  }
  for (const Entry& entry : kRecorder) catalogue.add(made(entry.name, entry, "recorder"));
  for (const HeartbeatConfig& beat : config.heartbeats) {
    catalogue.add({"beat." + beat.name + ".age", Unit::kSeconds, MetricKind::kGauge, "heartbeat " + beat.name,
                   "seconds since its last beat, or the longest gap just closed",
                   beat.from == BeatSource::kBeat ? "fdr beat " + beat.name : beat.from == BeatSource::kSend ? "system calls of the target"
                   : beat.from == BeatSource::kNotify ? "what the command tells systemd's watchdog" : "the recorder asks, or listens"});
  }
  for (const LogConfig& log : config.logs) {
    catalogue.add({"log." + log.name, Unit::kNone, MetricKind::kCounter, "log " + log.name, log.pattern.empty() ? "lines" : "lines that match " + log.pattern,
                   log_place(log) + ", looked at five times a second"});
  }
  for (const RuleConfig& rule : config.rules)
    for (const std::string* condition : {&rule.when, &rule.clear, &rule.armed_when}) {
      for (const std::string& name : syscalls_named_in(*condition)) add_syscall_figures(name, catalogue);
      for (const int cpu : cpus_named_in(*condition)) add_cpu_states(cpu, catalogue);
    }
  for (const UserMetricConfig& metric : config.metrics) {
    const std::string source = !metric.log.empty() ? "lines of the log " + metric.log : !metric.url.empty() ? metric.url : !metric.file.empty() ? metric.file : "a command";
    catalogue.add({metric.name, metric.unit, metric.kind, "[[metric]]",
                   !metric.series.empty()    ? "series " + metric.series + ", summed where several match"
                   : !metric.pattern.empty() ? "the number in " + metric.pattern
                                             : "the first number of what it says",
                   source + (metric.log.empty() ? ", each " + duration_literal(metric.every) : ", the last there was")});
  }
  return catalogue;
}

}  // namespace fdr

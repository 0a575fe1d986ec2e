#include "recorder/config_file/default_rules.hpp"

namespace fdr {
namespace {

constexpr std::string_view kRules = R"toml(# fdr's default rules: they apply where there is no other rule and no heartbeat, or with default_rules = true.

[[trigger]]              # it wants far more of the CPUs than a moment ago, and than it is used to
name = "cpu-demand"
when = "process.cpu.demand > 90% and process.cpu.demand > 2 * avg(process.cpu.demand, 25s) and process.cpu.demand > 2 * avg(process.cpu.demand, 1h, 40%)"
for = "5s"
armed_when = "process.age > 30s"
cooldown = "30m"
max_per_day = 4

[[trigger]]              # the kernel works for it as it does not usually
name = "system-cpu"
when = "process.cpu.system > 30% and process.cpu.system > 3 * avg(process.cpu.system, 1h, 30%)"
for = "3s"
armed_when = "process.age > 30s"
cooldown = "30m"
max_per_day = 4

[[trigger]]              # a loop without a way out: no call, no wait
name = "spin"
when = "spin > 8s"
cooldown = "30m"
max_per_day = 4

[[trigger]]              # a thread that gets nowhere
name = "stall"
when = "stall > 3s"
cooldown = "30m"
max_per_day = 4

[[trigger]]              # the hypervisor gives the CPUs to somebody else
name = "steal"
when = "avg(host.cpu.steal, 10s) > 15% and avg(host.cpu.steal, 10s) > 3 * avg(host.cpu.steal, 1h, 5%)"
cooldown = "1h"
max_per_day = 3

[[trigger]]              # its group runs out of its CPU quota more often than not
name = "throttled"
when = "cgroup.throttled > 50% and cgroup.throttled > 2 * avg(cgroup.throttled, 1h, 25%)"
for = "5s"
cooldown = "1h"
max_per_day = 3

[[trigger]]              # it grows, is larger than usual, and larger than it ever was of late: compilers come and go
name = "memory-growth"
when = "delta(process.rss, 30s) > 80MB and process.rss > 1.5 * avg(process.rss, 1h, 150MB) and process.rss > 1.1 * max(process.rss, 1h, 150MB)"
armed_when = "process.age > 30s"
cooldown = "1h"
max_per_day = 4

[[trigger]]              # much memory became free at once, and the kernel's own caches were a good part of it: no program that ended
name = "free-memory-jump"
when = "delta(host.mem.free, 2s) > 300MB and delta(host.mem.slab, 2s) < -100MB"
cooldown = "30m"
max_per_day = 4

[[trigger]]              # programs wait for memory, or it is written out to swap
name = "memory-pressure"
when = "(avg(host.psi.memory.full, 5s) > 15% and avg(host.psi.memory.full, 5s) > 3 * avg(host.psi.memory.full, 1h, 5%)) or (rate(host.swap.out, 10s) > 10MB/s and rate(host.swap.out, 10s) > 3 * rate(host.swap.out, 1h, 3MB/s))"
cooldown = "30m"
max_per_day = 4

[[trigger]]
name = "oom"
when = "oom > 0"
cooldown = "10m"
max_per_day = 6

[[trigger]]              # SIGTERM, SIGINT and SIGKILL are how programs are ended; these are how they die
name = "crash"
when = "exit.signal == SIGSEGV or exit.signal == SIGABRT or exit.signal == SIGBUS or exit.signal == SIGILL or exit.signal == SIGFPE"
cooldown = "10m"
max_per_day = 6

[[trigger]]              # files and sockets that are opened and not closed
name = "descriptors"
when = "(delta(process.fds, 30s) > 100 and process.fds > 2 * avg(process.fds, 1h, 60) and process.fds > 1.1 * max(process.fds, 1h, 60)) or (delta(process.sockets, 30s) > 100 and process.sockets > 2 * avg(process.sockets, 1h, 60) and process.sockets > 1.1 * max(process.sockets, 1h, 60))"
armed_when = "process.age > 10s"
cooldown = "1h"
max_per_day = 4

[[trigger]]              # of a Go program: more and more of them that stay
name = "goroutines"
when = "delta(process.goroutines, 20s) > 60 and process.goroutines > 1.5 * avg(process.goroutines, 1h, 60) and process.goroutines > 1.1 * max(process.goroutines, 1h, 60)"
armed_when = "process.age > 10s"
cooldown = "1h"
max_per_day = 4

[[trigger]]              # what came over the network and found no room
name = "network-drops"
when = "(rate(host.net.udp.rcvbuf_errors, 5s) > 10/s and rate(host.net.udp.rcvbuf_errors, 5s) > 5 * rate(host.net.udp.rcvbuf_errors, 1h, 2/s)) or (rate(host.net.tcp.listen_overflows, 5s) > 5/s and rate(host.net.tcp.listen_overflows, 5s) > 5 * rate(host.net.tcp.listen_overflows, 1h, 1/s))"
cooldown = "1h"
max_per_day = 3

[[trigger]]              # its calls fail as they did not a minute ago
name = "error-burst"
when = "rate(process.syscalls.errors, 5s) > 2000/s and rate(process.syscalls.errors, 5s) > 5 * rate(process.syscalls.errors, 50s) and rate(process.syscalls.errors, 5s) > 3 * rate(process.syscalls.errors, 1h, 500/s)"
for = "2s"
armed_when = "process.age > 1m"
cooldown = "1h"
max_per_day = 3
)toml";

}  // namespace

std::string_view default_rules_toml() { return kRules; }

const std::vector<RuleConfig>& default_rules() {
  static const std::vector<RuleConfig> rules = parse_rules(kRules, "default rules");
  return rules;
}

}  // namespace fdr

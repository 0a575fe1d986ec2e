#include "recorder/metrics/catalogue.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace fdr;

namespace {

MetricCatalogue catalogue_of(std::vector<std::string> targets, std::vector<std::string> beats = {}) {
  Config config;
  for (const std::string& name : targets) config.targets.push_back({name, {}, name, {}});
  for (const std::string& name : beats) config.heartbeats.push_back({name, std::chrono::seconds(1), 3, ""});
  return build_catalogue(config);
}

}  // namespace

TEST_CASE("catalogue: names are promises, with unit and kind") {
  const MetricCatalogue catalogue = catalogue_of({});
  struct Promise {
    const char* name;
    Unit unit;
    MetricKind kind = MetricKind::kGauge;
  };
  for (const Promise& promise : std::initializer_list<Promise>{
           {"host.cpu.user", Unit::kPercent},
           {"host.cpu.system", Unit::kPercent},
           {"host.cpu.iowait", Unit::kPercent},
           {"host.cpu.irq", Unit::kPercent},
           {"host.cpu.softirq", Unit::kPercent},
           {"host.cpu.steal", Unit::kPercent},
           {"host.cpu.busy", Unit::kPercent},
           {"host.cpu.max.softirq", Unit::kPercent},
           {"host.cpu.max.busy", Unit::kPercent},
           {"host.disk.read", Unit::kBytes, MetricKind::kCounter},
           {"host.disk.written", Unit::kBytes, MetricKind::kCounter},
           {"host.disk.requests", Unit::kNone, MetricKind::kCounter},
           {"host.disk.busy", Unit::kPercent},
           {"host.disk.wait", Unit::kSeconds},
           {"host.disk.queue", Unit::kNone},
           {"host.net.rx.bytes", Unit::kBytes, MetricKind::kCounter},
           {"host.net.tx.bytes", Unit::kBytes, MetricKind::kCounter},
           {"host.net.errors", Unit::kNone, MetricKind::kCounter},
           {"host.net.drops", Unit::kNone, MetricKind::kCounter},
           {"host.mem.total", Unit::kBytes},
           {"host.mem.free", Unit::kBytes},
           {"host.mem.available", Unit::kBytes},
           {"host.mem.cached", Unit::kBytes},
           {"host.mem.dirty", Unit::kBytes},
           {"host.mem.anon", Unit::kBytes},
           {"host.mem.slab", Unit::kBytes},
           {"host.swap.used", Unit::kBytes},
           {"host.swap.in", Unit::kBytes, MetricKind::kCounter},
           {"host.swap.out", Unit::kBytes, MetricKind::kCounter},
           {"host.vm.scan", Unit::kNone, MetricKind::kCounter},
           {"host.vm.steal", Unit::kNone, MetricKind::kCounter},
           {"host.vm.allocstall", Unit::kNone, MetricKind::kCounter},
           {"host.vm.faults", Unit::kNone, MetricKind::kCounter},
           {"host.psi.cpu.some", Unit::kPercent},
           {"host.psi.cpu.full", Unit::kPercent},
           {"host.psi.memory.some", Unit::kPercent},
           {"host.psi.memory.full", Unit::kPercent},
           {"host.psi.io.some", Unit::kPercent},
           {"host.psi.io.full", Unit::kPercent},
           {"host.dentries", Unit::kNone},
           {"host.net.udp.rcvbuf_errors", Unit::kNone, MetricKind::kCounter},
           {"host.net.tcp.retransmits", Unit::kNone, MetricKind::kCounter},
           {"host.net.tcp.listen_overflows", Unit::kNone, MetricKind::kCounter},
           {"process.cpu.user", Unit::kPercent},
           {"process.cpu.system", Unit::kPercent},
           {"process.cpu.total", Unit::kPercent},
           {"process.cpu.demand", Unit::kPercent},
           {"process.cpu.wait", Unit::kPercent},
           {"process.file", Unit::kBytes},
           {"process.shmem", Unit::kBytes},
           {"process.net.rx.packets", Unit::kNone, MetricKind::kCounter},
           {"process.net.tx.packets", Unit::kNone, MetricKind::kCounter},
           {"process.rss", Unit::kBytes},
           {"process.anon", Unit::kBytes},
           {"process.swap", Unit::kBytes},
           {"process.fds", Unit::kNone},
           {"process.threads", Unit::kNone},
           {"process.age", Unit::kSeconds},
           {"process.processes", Unit::kNone},
           {"process.faults.minor", Unit::kNone, MetricKind::kCounter},
           {"process.faults.major", Unit::kNone, MetricKind::kCounter},
           {"process.switches.voluntary", Unit::kNone, MetricKind::kCounter},
           {"process.switches.involuntary", Unit::kNone, MetricKind::kCounter},
           {"process.syscalls", Unit::kNone, MetricKind::kCounter},
           {"process.syscalls.errors", Unit::kNone, MetricKind::kCounter},
           {"thread.cpu.max", Unit::kPercent},
           {"process.sockets", Unit::kNone},
           {"process.sockets.established", Unit::kNone},
           {"process.sockets.close_wait", Unit::kNone},
           {"process.sockets.listen", Unit::kNone},
           {"process.sockets.udp", Unit::kNone},
           {"process.sockets.unread", Unit::kNone},
           {"process.sockets.unsent", Unit::kNone},
           {"process.sockets.drops", Unit::kNone, MetricKind::kCounter},
           {"process.net.rx.bytes", Unit::kBytes, MetricKind::kCounter},
           {"process.net.tx.bytes", Unit::kBytes, MetricKind::kCounter},
           {"cgroup.throttled", Unit::kPercent},
           {"cgroup.memory", Unit::kBytes},
           {"cgroup.swap", Unit::kBytes},
           {"cgroup.oom", Unit::kNone, MetricKind::kCounter},
           {"host.dentries.negative", Unit::kNone},
           {"host.slab.dentry", Unit::kBytes},
           {"spin", Unit::kSeconds},
           {"stall", Unit::kSeconds},
           {"oom", Unit::kNone},
           {"exit.code", Unit::kNone},
           {"exit.signal", Unit::kNone},
           {"recorder.cpu", Unit::kPercent},
           {"recorder.rss", Unit::kBytes},
           {"recorder.calls_spared", Unit::kNone},
           {"recorder.lateness", Unit::kSeconds},
       }) {
    CAPTURE(promise.name);
    const auto id = catalogue.find(promise.name);
    REQUIRE(id);
    CHECK(catalogue.info(*id).unit == promise.unit);
    CHECK(catalogue.info(*id).kind == promise.kind);
  }
}

TEST_CASE("catalogue: every metric says of whom, of what and from where") {
  const MetricCatalogue catalogue = catalogue_of({"web"}, {"bfd"});
  for (MetricId id = 0; id < catalogue.size(); ++id) {
    const MetricInfo& info = catalogue.info(id);
    CAPTURE(info.name);
    CHECK_FALSE(info.scope.empty());
    CHECK_FALSE(info.base.empty());
    CHECK_FALSE(info.source.empty());
    CHECK(info.event == info.name.starts_with("exit."));
  }
  CHECK(catalogue.info(*catalogue.find("host.cpu.busy")).maximum == 100);
  CHECK(catalogue.info(*catalogue.find("process.cpu.total")).maximum > 1e6);
}

TEST_CASE("catalogue: a set of metrics for each target, an age for each heartbeat") {
  const MetricCatalogue catalogue = catalogue_of({"web", "db"}, {"bfd"});
  REQUIRE(catalogue.find("process[web].cpu.total"));
  CHECK(catalogue.info(*catalogue.find("process[web].cpu.total")).scope == "target web");
  CHECK(catalogue.info(*catalogue.find("process[web].cpu.total")).base == "% of one CPU");
  CHECK(catalogue.find("process[db].rss"));
  CHECK(catalogue.info(*catalogue.find("beat.bfd.age")).unit == Unit::kSeconds);
  CHECK_FALSE(catalogue_of({}).find("process[web].rss"));
  CHECK_FALSE(catalogue_of({}).find("beat.bfd.age"));
}

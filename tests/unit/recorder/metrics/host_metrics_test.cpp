#include "recorder/metrics/host.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/metrics/sliding_second.hpp"
#include "tests/unit/recorder/metrics/metrics_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

const std::string kGolden = std::string(FDR_TEST_DATA) + "/golden/proc/";

// HostMetrics over a directory of files, read tick by tick.
struct Host {
  explicit Host(FakeProc& fake)
      : proc(fake), catalogue(build_catalogue({})), metrics(catalogue, proc.path()), row(catalogue.size(), -1) {}

  void tick(Duration step = 100ms) {
    now += step;
    metrics.read(now, row);
  }
  double operator[](std::string_view name) const { return row[catalogue.find(name).value()]; }

  FakeProc& proc;
  MetricCatalogue catalogue;
  HostMetrics metrics;
  std::vector<double> row;
  Timestamp now = from_ns(5'000'000'000);
};

// Ticks of all CPUs.
std::string stat_text(long user, long nice, long system, long idle, long iowait = 0, long irq = 0, long softirq = 0,
                      long steal = 0) {
  return fmt::format("cpu  {} {} {} {} {} {} {} {} 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 5 0 0\n", user, nice, system,
                     idle, iowait, irq, softirq, steal);
}

}  // namespace

TEST_CASE("parsers: captured files") {
  const auto cpu = parse_proc_stat(read_file(kGolden + "stat"), 100);
  REQUIRE(cpu);
  CHECK(cpu->user > 0);
  CHECK(cpu->idle > cpu->user);

  const auto memory = parse_meminfo(read_file(kGolden + "meminfo"));
  CHECK(memory.at("MemTotal") == 24684096.0 * 1024);
  CHECK(memory.at("HugePages_Total") == 0);
  CHECK(memory.contains("Active(anon)"));

  const auto vm = parse_vmstat(read_file(kGolden + "vmstat"));
  CHECK(vm.at("pgfault") > 1e6);
  CHECK(vm.contains("pgscan_kswapd"));

  const auto pressure = parse_pressure(read_file(kGolden + "pressure/io"));
  REQUIRE(pressure);
  CHECK(pressure->some >= pressure->full);
  CHECK(pressure->some > 1);

  const auto net = parse_net_counters(read_file(kGolden + "net/snmp") + read_file(kGolden + "net/netstat"));
  CHECK(net.contains("Udp.RcvbufErrors"));
  CHECK(net.at("Tcp.MaxConn") == -1);
  CHECK(net.contains("TcpExt.ListenOverflows"));
  CHECK(net.at("Ip.DefaultTTL") == 64);
}

TEST_CASE("parsers: malformed text gives nothing, or less") {
  CHECK_FALSE(parse_proc_stat("", 100));
  CHECK_FALSE(parse_proc_stat("cpu0 1 2 3 4\n", 100));
  CHECK_FALSE(parse_proc_stat("cpu  1 2 x 4\n", 100));
  CHECK(parse_proc_stat("cpu  100 0 0 100", 100)->user == 1);  // 2.4 had four
  CHECK(parse_meminfo("MemFree: kB\nnonsense\n\nDirty: 4 kB\n").size() == 1);
  CHECK(parse_vmstat(std::string("pgfault 99999999999999999999999\n\0\0 1\n", 35)).count("pgfault") == 0);
  CHECK_FALSE(parse_pressure("full avg10=0.00 total=5\n"));
  const auto old = parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n");
  REQUIRE(old);
  CHECK(old->some == 2);
  CHECK(std::isnan(old->full));
  CHECK(parse_net_counters("Udp: A B\nTcp: 1 2\n").empty());
  CHECK(parse_net_counters("Udp: A B C\nUdp: 1 2\n").size() == 2);
}

TEST_CASE("sliding second: the change since what is a second old") {
  SlidingSecond<1> second;
  Timestamp now = from_ns(1'000'000'000);
  for (int i = 0; i < 10; ++i) CHECK_FALSE(second.push(now + i * 100ms, {i * 1.0}));
  const auto change = second.push(now + 1s, {10});
  REQUIRE(change);
  CHECK(change->seconds == doctest::Approx(1));
  CHECK(change->amount[0] == 10);
  CHECK(second.push(now + 1100ms, {20})->amount[0] == 19);
  const auto late = second.push(now + 5100ms, {20});
  CHECK(late->seconds == doctest::Approx(4));
  CHECK(late->amount[0] == 0);
}

TEST_CASE("budget: what costs too much is done less often, and never stops") {
  CostBudget budget(0.001);  // 0.1 ms in a tick of 100 ms
  Timestamp now = from_ns(1);
  int done = 0;
  for (int tick = 0; tick < 10'000; ++tick) {
    now += 100ms;
    budget.advance(now);
    if (!budget.may_spend()) continue;
    budget.spent(1ms);
    ++done;
  }
  CHECK(done > 950);
  CHECK(done < 1100);
  budget.spent(1h);
  int pause = 0;
  while (!budget.may_spend()) {
    now += 100ms;
    budget.advance(now);
    ++pause;
  }
  CHECK(pause < 100);

  CostBudget patient(0.001, 15);
  patient.advance(now);
  patient.spent(1h);
  int longer = 0;
  while (!patient.may_spend()) {
    now += 100ms;
    patient.advance(now);
    ++longer;
  }
  CHECK(longer > 140);
  CHECK(longer < 160);

  CostBudget cheap(0.001);
  for (int tick = 0; tick < 1000; ++tick) {
    cheap.advance(from_ns(static_cast<std::uint64_t>(tick) * 100'000'000));
    CHECK(cheap.may_spend());
    cheap.spent(50us);
  }
  CHECK(cheap.readings() == 1000);
}

TEST_CASE("host: every metric of the captured files is known, cpu and pressure after a second") {
  FakeProc proc;
  proc.copy_golden(kGolden);
  Host host(proc);
  host.tick();
  CHECK(std::isnan(host["host.cpu.busy"]));
  CHECK(std::isnan(host["host.psi.memory.some"]));
  CHECK(host["host.mem.total"] == 24684096.0 * 1024);
  CHECK(host["host.mem.free"] > host["host.mem.cached"]);
  CHECK(host["host.mem.slab"] > 0);
  CHECK(host["host.mem.anon"] > 0);
  CHECK(host["host.swap.used"] == 0);
  CHECK(host["host.mem.kernel_stacks"] == 1592.0 * 1024);
  CHECK(host["host.mem.vmalloc"] == 14396.0 * 1024);
  CHECK(host["host.mem.huge_pages"] == 0);
  CHECK(host["host.mem.sockets"] == 76.0 * static_cast<double>(sysconf(_SC_PAGESIZE)));
  CHECK(host["host.vm.faults"] > 1e6);
  CHECK(host["host.vm.scan"] == 0);
  CHECK(host["host.dentries"] == 90829);
  CHECK(host["host.dentries.unused"] == 89342);
  CHECK(host["host.dentries.negative"] == 9101);
  CHECK(host["host.inodes"] == 51462);
  CHECK(host["host.files"] == 1472);
  CHECK(host["host.vm.oom_kill"] == 0);
  CHECK(host["host.vm.compactstall"] == 0);
  CHECK(host["host.net.udp.rcvbuf_errors"] == 0);
  CHECK(host["host.net.tcp.retransmits"] >= 0);
  CHECK(host["host.net.tcp.listen_overflows"] == 0);
  CHECK(host["host.net.rx.bytes"] == 339'549'513.0 + 500);  // of all but lo
  CHECK(host["host.net.tx.bytes"] == 368'497.0 + 700);
  CHECK(host["host.net.errors"] == 4);
  CHECK(host["host.net.drops"] == 7);
  CHECK(host.metrics.problems().empty());
  CHECK(host["process.rss"] == -1);  // others' metrics are left alone
}

TEST_CASE("host: cpu is a mean over the last second, in percent of all CPUs") {
  FakeProc proc;
  Host host = [&]() -> Host {
    proc.write("stat", stat_text(1000, 0, 1000, 8000));
    return Host(proc);
  }();
  const long ticks = sysconf(_SC_CLK_TCK);
  host.tick();
  for (int i = 1; i <= 10; ++i) {  // of 2 CPUs in 100 ms: a tenth of 2 * ticks
    const long all = 2 * ticks * i / 10;
    proc.write("stat", stat_text(1000 + all * 10 / 100, all * 5 / 100, 1000 + all * 20 / 100, 8000 + all * 40 / 100,
                                 all * 15 / 100, 0, 0, all * 10 / 100));
    host.tick();
  }
  CHECK(host["host.cpu.user"] == doctest::Approx(15).epsilon(0.1));
  CHECK(host["host.cpu.system"] == doctest::Approx(20).epsilon(0.1));
  CHECK(host["host.cpu.iowait"] == doctest::Approx(15).epsilon(0.1));
  CHECK(host["host.cpu.steal"] == doctest::Approx(10).epsilon(0.1));
  CHECK(host["host.cpu.irq"] == 0);
  CHECK(host["host.cpu.busy"] == doctest::Approx(45).epsilon(0.1));
}

TEST_CASE("host: counters that go back a tick do not make negative shares") {
  FakeProc proc;
  proc.write("stat", stat_text(100, 0, 100, 800, 50));
  Host host(proc);
  host.tick();
  proc.write("stat", stat_text(200, 0, 100, 900, 40));
  host.tick(1s);
  CHECK(host["host.cpu.iowait"] == 0);
  CHECK(host["host.cpu.user"] == doctest::Approx(50));
  CHECK(host["host.cpu.busy"] == doctest::Approx(50));
  host.tick(1s);  // nothing was accounted at all
  CHECK(std::isnan(host["host.cpu.busy"]));
}

TEST_CASE("host: pressure is the share of the last second in which tasks waited") {
  FakeProc proc;
  proc.write(
      "pressure/memory",
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n");
  proc.write("pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n");
  Host host(proc);
  host.tick();
  proc.write(
      "pressure/memory",
      "some avg10=9.00 avg60=0.00 avg300=0.00 total=1250000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=600000\n");
  proc.write("pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=9000000\n");
  host.tick(1s);
  CHECK(host["host.psi.memory.some"] == doctest::Approx(25));
  CHECK(host["host.psi.memory.full"] == doctest::Approx(10));
  CHECK(host["host.psi.cpu.some"] == 100);
  CHECK(std::isnan(host["host.psi.cpu.full"]));
  CHECK(std::isnan(host["host.psi.io.some"]));
}

TEST_CASE("host: scanning and stealing are summed once, over those who scan") {
  FakeProc proc;
  proc.write(
      "vmstat",
      "pgfault 7\npswpin 3\npswpout 4\npgscan_kswapd 10\npgscan_direct 20\npgscan_direct_throttle 1000\npgscan_anon "
      "25\n"
      "pgscan_file 5\npgsteal_kswapd 8\npgsteal_direct 9\npgsteal_anon 17\nallocstall_dma 1\nallocstall_normal 2\n");
  Host host(proc);
  host.tick();
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  CHECK(host["host.vm.scan"] == 30);
  CHECK(host["host.vm.steal"] == 17);
  CHECK(host["host.vm.allocstall"] == 3);
  CHECK(host["host.vm.faults"] == 7);
  CHECK(host["host.swap.in"] == 3 * page);
  CHECK(host["host.swap.out"] == 4 * page);
}

TEST_CASE("host: kernels before 5.0 do not count negative dentries, which is not zero") {
  FakeProc proc;
  proc.copy_golden(kGolden);
  proc.write("sys/fs/dentry-state", "90829\t89342\t45\t0\t0\t0\n");
  Host host(proc);
  host.tick();
  CHECK(host["host.dentries"] == 90829);
  CHECK(std::isnan(host["host.dentries.negative"]));
}

TEST_CASE("host: what is missing is unknown, with the reason") {
  FakeProc proc;
  proc.write("meminfo", "MemTotal: 100 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n");
  Host host(proc);
  host.tick();
  CHECK(host["host.swap.used"] == 30 * 1024);
  CHECK(std::isnan(host["host.mem.available"]));
  CHECK(std::isnan(host["host.cpu.busy"]));
  CHECK(std::isnan(host["host.dentries"]));
  const auto problems = host.metrics.problems();
  CHECK(problems.size() == 12);
  CHECK(problems.front().find("host.cpu.busy") != std::string::npos);
  CHECK(problems.front().find("No such file or directory") != std::string::npos);

  proc.write("meminfo", "");
  host.tick();
  CHECK(std::isnan(host["host.mem.total"]));
}

TEST_CASE("host: files larger than the first buffer are read to their end") {
  FakeProc proc;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "some_counter_" + std::to_string(i) + " 1\n";
  proc.write("vmstat", text + "pgfault 12345\n");
  Host host(proc);
  host.tick();
  CHECK(host["host.vm.faults"] == 12345);
}

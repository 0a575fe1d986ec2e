#include "recorder/metrics/cgroup.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>

#include "recorder/metrics/slab.hpp"
#include "tests/unit/recorder/metrics/metrics_fixture.hpp"

using namespace fdr;
using fdr::test::FakeProc;

namespace {

constexpr const char* kV1 =
    "9:name=systemd:/\n4:memory:/box/app\n1:cpu,cpuacct:/box/app\n0::/\n";
constexpr const char* kMounts =
    "32 31 0:30 / /sys/fs/cgroup/cpu rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 /box /mnt/my\\040memory rw,relatime - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

struct Fixture {
  Fixture() {
    for (const char* name : {"cgroup.throttled", "cgroup.throttled.time", "cgroup.cpu.limit", "cgroup.memory", "cgroup.memory.limit", "cgroup.swap", "cgroup.oom"}) catalogue.add({name});
  }
  // A process in group `path` of one unified hierarchy, whose files are in this directory too.
  void place(const std::string& path) {
    files.write("100/cgroup", "0::" + path + "\n");
    files.write("self/mountinfo", "41 31 0:38 / " + files.path() + "/groups rw - cgroup2 cgroup2 rw\n");
  }
  double read(CgroupMetrics& metrics, const char* name, double seconds) {
    std::vector<double> row(catalogue.size(), std::nan(""));
    metrics.read(Timestamp{} + from_seconds(1000 + seconds), row);
    return row[*catalogue.find(name)];
  }
  FakeProc files;
  MetricCatalogue catalogue;
};

std::string cpu_stat(int periods, int throttled) {
  return "usage_usec 1\nnr_periods " + std::to_string(periods) + "\nnr_throttled " + std::to_string(throttled) + "\nthrottled_usec 250000\n";
}

}  // namespace

TEST_CASE("cgroup: the group of a controller, in the hierarchy that has it, as far as it is mounted here") {
  const auto cpu = find_cgroup("cpu", kV1, kMounts);
  REQUIRE(cpu);
  CHECK(cpu->mount == "/sys/fs/cgroup/cpu");
  CHECK(cpu->path == "/box/app");
  CHECK_FALSE(cpu->v2);
  const auto memory = find_cgroup("memory", kV1, kMounts);
  REQUIRE(memory);
  CHECK(memory->mount == "/mnt/my memory");
  CHECK(memory->path == "/app");  // the mount shows /box
  const auto unified = find_cgroup("memory", "0::/a.slice/b.service\n", kMounts);
  REQUIRE(unified);
  CHECK(unified->v2);
  CHECK(unified->path == "/a.slice/b.service");
  CHECK_FALSE(find_cgroup("memory", "4:memory:/boxer/app\n", kMounts));  // not below what is mounted
  CHECK_FALSE(find_cgroup("cpu", "1:cpu:/../outside\n", kMounts));
  CHECK_FALSE(find_cgroup("cpu", "garbage\n::\n", kMounts));
}

TEST_CASE("cgroup: limits, and what is none") {
  CHECK(parse_limit("209715200\n") == 209715200);
  CHECK(parse_limit("25000 100000\n") == 25000);
  CHECK_FALSE(parse_limit("max\n"));
  CHECK_FALSE(parse_limit("max 100000\n"));
  CHECK_FALSE(parse_limit("-1\n"));
  CHECK_FALSE(parse_limit("9223372036854771712\n"));
  const auto v1 = parse_cpu_stat("nr_periods 40\nnr_throttled 30\nthrottled_time 1500000000\n");
  REQUIRE(v1);
  CHECK(v1->seconds == doctest::Approx(1.5));
  CHECK_FALSE(parse_cpu_stat("usage_usec 12\n"));  // no quota can be set there
}

TEST_CASE("cgroup: a quota as a share of one CPU") {
  CHECK(parse_cpu_quota("40000 100000\n") == 40);
  CHECK(parse_cpu_quota("250000\n 100000\n") == 250);  // v1: two files
  CHECK_FALSE(parse_cpu_quota("max 100000\n"));
  CHECK_FALSE(parse_cpu_quota("-1\n 100000\n"));
  CHECK_FALSE(parse_cpu_quota("40000 0\n"));
  CHECK_FALSE(parse_cpu_quota("40000"));
  CHECK_FALSE(parse_cpu_quota(" "));
}

TEST_CASE("cgroup: the share of the periods in which the quota ran out, of the group that has one") {
  Fixture fixture;
  fixture.place("/box/app");
  fixture.files.write("groups/box/cpu.max", "25000 100000\n");
  fixture.files.write("groups/box/app/cpu.max", "max 100000\n");
  fixture.files.write("groups/box/app/cpu.stat", cpu_stat(0, 0));
  fixture.files.write("groups/box/cpu.stat", cpu_stat(100, 10));
  CgroupMetrics metrics(fixture.catalogue, fixture.files.path(), 1);
  CHECK(std::isnan(fixture.read(metrics, "cgroup.throttled", 0)));  // no target yet
  metrics.began(100, 0);
  CHECK(std::isnan(fixture.read(metrics, "cgroup.throttled", 0.1)));  // not yet two seconds
  fixture.files.write("groups/box/cpu.stat", cpu_stat(120, 22));
  CHECK(fixture.read(metrics, "cgroup.throttled", 2.1) == doctest::Approx(60));
  CHECK(fixture.read(metrics, "cgroup.throttled.time", 2.2) == doctest::Approx(0.25));
  CHECK(fixture.read(metrics, "cgroup.cpu.limit", 2.3) == 25);
  fixture.files.write("groups/box/cpu.max", "50000 100000\n");
  CHECK(fixture.read(metrics, "cgroup.cpu.limit", 7.3) == 50);  // a quota that was changed, looked at each 5 s
  for (double at : {8.1, 9.1, 9.3}) fixture.read(metrics, "cgroup.throttled", at);
  CHECK(fixture.read(metrics, "cgroup.throttled", 9.5) == 0);  // no period began: it slept
}

TEST_CASE("cgroup: memory of the group that is limited, followed when the process is moved or replaced") {
  Fixture fixture;
  fixture.place("/box");
  fixture.files.write("groups/box/memory.max", "1000000\n");
  fixture.files.write("groups/box/memory.current", "990000\n");
  fixture.files.write("groups/box/memory.swap.current", "4096\n");
  fixture.files.write("groups/box/memory.events", "low 0\noom 2\noom_kill 1\n");
  fixture.files.write("groups/other/memory.current", "77\n");
  fixture.files.write("groups/other/memory.events", "oom_kill 40\n");
  CgroupMetrics metrics(fixture.catalogue, fixture.files.path(), 1);
  metrics.began(100, 0);
  metrics.began(50, 1);  // of another target
  CHECK(fixture.read(metrics, "cgroup.memory", 0) == 990000);
  CHECK(fixture.read(metrics, "cgroup.memory.limit", 0.1) == 1000000);
  CHECK(fixture.read(metrics, "cgroup.swap", 0.2) == 4096);
  CHECK(fixture.read(metrics, "cgroup.oom", 0.3) == 1);
  CHECK(std::isnan(fixture.read(metrics, "cgroup.throttled", 0.4)));
  CHECK(std::isnan(fixture.read(metrics, "cgroup.cpu.limit", 0.5)));
  fixture.place("/other");
  CHECK(fixture.read(metrics, "cgroup.memory", 1) == 990000);
  CHECK(fixture.read(metrics, "cgroup.memory", 6) == 77);
  CHECK(std::isnan(fixture.read(metrics, "cgroup.memory.limit", 6.1)));
  CHECK(fixture.read(metrics, "cgroup.oom", 6.2) == 1);  // the other group's past did not happen now
  fixture.files.write("groups/other/memory.events", "oom_kill 42\n");
  CHECK(fixture.read(metrics, "cgroup.oom", 6.3) == 3);
  metrics.ended(100);
  CHECK(std::isnan(fixture.read(metrics, "cgroup.memory", 7)));
}

TEST_CASE("slab: bytes of a cache; a cache that is merged into another, or not there, is unknown") {
  FakeProc files;
  MetricCatalogue catalogue;
  for (const char* name : {"host.slab.dentry", "host.slab.filp", "host.slab.xfs_inode"}) catalogue.add({name, Unit::kBytes});
  files.write("dentry/slabs", "29070 N0=29070\n");
  files.write("dentry/order", "1\n");
  files.write(":0000256/slabs", "9\n");
  files.write(":0000256/order", "0\n");
  std::filesystem::create_directory_symlink(":0000256", files.path() + "/filp");
  SlabMetrics slab(catalogue, files.path(), 1);
  std::vector<double> row(3, std::nan(""));
  const auto at = [&](double seconds, const char* name) {
    slab.read(Timestamp{} + from_seconds(1000 + seconds), row);
    return row[*catalogue.find(name)];
  };
  CHECK(at(0, "host.slab.dentry") == 29070.0 * 2 * static_cast<double>(sysconf(_SC_PAGESIZE)));
  CHECK(std::isnan(at(0, "host.slab.filp")));
  CHECK(std::isnan(at(0, "host.slab.xfs_inode")));
  files.write("dentry/slabs", "0 N0=0\n");
  CHECK(at(0.5, "host.slab.dentry") > 0);  // once a second
  CHECK(at(1.0, "host.slab.dentry") == 0);
}

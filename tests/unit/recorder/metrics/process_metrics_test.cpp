#include "recorder/metrics/process.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>

#include "recorder/metrics/catalogue.hpp"
#include "tests/unit/recorder/metrics/metrics_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

constexpr double kKilobyte = 1024;

struct Fake {
  std::string comm = "web";
  char state = 'S';
  double user_s = 0, system_s = 0, started_s = 10;
  long minor = 0, major = 0, threads = 1;
  long anon_kb = 0, file_kb = 0, shmem_kb = 0, swap_kb = 0;
  long voluntary = 0, involuntary = 0;
};

struct Processes {
  Processes() {
    Config config;
    config.targets = {{"web", {}, "web", {}}, {"db", {}, "db", {}}};
    catalogue = build_catalogue(config);
    row.assign(catalogue.size(), -1);
    uptime(100);
    metrics = std::make_unique<ProcessMetrics>(catalogue, std::vector<std::string>{"web", "db"}, proc.path(), 1e6);
  }

  void uptime(double seconds) { proc.write("uptime", fmt::format("{:.2f} 1.00\n", seconds)), uptime_s = seconds; }
  void put(int pid, const Fake& fake) {
    const double hz = static_cast<double>(sysconf(_SC_CLK_TCK));
    const std::string directory = std::to_string(pid);
    proc.write(directory + "/stat",
               fmt::format("{} ({}) {} 1 1 1 0 -1 4194304 {} 0 {} 0 {:.0f} {:.0f} 0 0 20 0 {} 0 {:.0f} 1000 {} 0 0\n",
                           pid, fake.comm, fake.state, fake.minor, fake.major, fake.user_s * hz, fake.system_s * hz,
                           fake.threads, fake.started_s * hz, fake.anon_kb + fake.file_kb + fake.shmem_kb + fake.swap_kb));
    proc.write(
        directory + "/status",
        fmt::format(
            "Name:\t{}\nPid:\t{}\nVmRSS:\t{} kB\nRssAnon:\t{} kB\nRssFile:\t{} kB\nRssShmem:\t{} kB\nVmSwap:\t{} kB\n"
            "voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
            fake.comm, pid, fake.anon_kb + fake.file_kb + fake.shmem_kb, fake.anon_kb, fake.file_kb, fake.shmem_kb,
            fake.swap_kb, fake.voluntary, fake.involuntary));
  }
  // A process that is gone: what was opened reads as nothing, and there is no name any more.
  void kill(int pid) {
    proc.write(std::to_string(pid) + "/stat", "");
    proc.remove(std::to_string(pid));
  }
  void tick(Duration step = 100ms) {
    now += step;
    uptime(uptime_s + to_seconds(step));
    metrics->read(now, row);
  }
  void end(int pid, double user_s, double system_s, Duration later = 1s) { metrics->ended(pid, user_s, system_s, now + later); }
  double operator[](std::string_view name) const { return row[catalogue.find(name).value()]; }

  FakeProc proc;
  MetricCatalogue catalogue;
  std::unique_ptr<ProcessMetrics> metrics;
  std::vector<double> row;
  Timestamp now = from_ns(7'000'000'000);
  double uptime_s = 0;
};

}  // namespace

TEST_CASE("processes: nobody yet") {
  Processes p;
  p.tick();
  CHECK(p["process.processes"] == 0);
  CHECK(std::isnan(p["process.rss"]));
  CHECK(std::isnan(p["process.cpu.total"]));
}

TEST_CASE("processes: a tree's memory is the sum of what is its own and the largest shared part") {
  Processes p;
  p.put(10, {.threads = 3, .anon_kb = 100, .file_kb = 50, .shmem_kb = 30, .swap_kb = 4});
  p.put(11, {.started_s = 20, .threads = 2, .anon_kb = 200, .file_kb = 60, .shmem_kb = 40, .swap_kb = 8});
  p.put(12, {.comm = "db", .anon_kb = 1000, .file_kb = 10});
  p.metrics->began(10, 0);
  p.metrics->began(11, 0);
  p.metrics->began(12, 1);
  p.tick();
  CHECK(p["process[web].rss"] == 400 * kKilobyte);
  CHECK(p["process[web].anon"] == 300 * kKilobyte);
  CHECK(p["process[web].swap"] == 12 * kKilobyte);
  CHECK(p["process[web].file"] == 60 * kKilobyte);  // of the process with most
  CHECK(p["process[web].shmem"] == 40 * kKilobyte);
  CHECK(p["process[web].threads"] == 5);
  CHECK(p["process[web].processes"] == 2);
  CHECK(p["process[db].rss"] == 1010 * kKilobyte);
  CHECK(p["process.rss"] == 1400 * kKilobyte);
  CHECK(p["process.processes"] == 3);
  CHECK(p["process[web].age"] == doctest::Approx(90.1));
  p.tick();
  CHECK(p["process[web].age"] == doctest::Approx(90.2));
}

TEST_CASE("processes: cpu of one CPU over the last second, of a process that is older than the recording") {
  Processes p;
  Fake web{.user_s = 5000, .system_s = 100};
  p.put(10, web);
  p.metrics->began(10, 0);
  p.tick();
  CHECK(std::isnan(p["process[web].cpu.total"]));
  for (int i = 0; i < 10; ++i) {
    web.user_s += 0.06;
    web.system_s += 0.02;
    p.put(10, web);
    p.tick();
  }
  CHECK(p["process[web].cpu.user"] == doctest::Approx(60).epsilon(0.02));
  CHECK(p["process[web].cpu.system"] == doctest::Approx(20).epsilon(0.02));
  CHECK(p["process[web].cpu.total"] == doctest::Approx(80).epsilon(0.02));
  CHECK(p["process.cpu.total"] == doctest::Approx(80).epsilon(0.02));
  p.tick(1s);
  CHECK(p["process[web].cpu.total"] == 0);
}

TEST_CASE("processes: what the dead used stays, and what they used unseen is added") {
  Processes p;
  p.put(10, {.minor = 1000});
  p.metrics->began(10, 0);
  for (int i = 0; i < 12; ++i) p.tick();
  CHECK(p["process[web].cpu.total"] == 0);
  CHECK(p["process[web].faults.minor"] == 0);  // counted from when it became a member

  // A child is born, is seen at 0.2 s, and ends at 0.4 s of CPU.
  p.put(11, {.user_s = 0.2, .started_s = p.uptime_s + 0.03, .minor = 70, .major = 3, .voluntary = 5});
  p.metrics->began(11, 0);
  p.tick();
  CHECK(p["process[web].cpu.user"] == doctest::Approx(20).epsilon(0.02));
  CHECK(p["process[web].faults.minor"] == 70);
  CHECK(p["process[web].faults.major"] == 3);
  CHECK(p["process[web].switches.voluntary"] == 5);
  p.kill(11);
  p.end(11, 0.3, 0.1);
  // And one that nobody ever saw.
  p.metrics->began(12, 0);
  p.end(12, 0.05, 0);
  p.tick();
  CHECK(p["process[web].cpu.user"] == doctest::Approx(35).epsilon(0.02));
  CHECK(p["process[web].cpu.system"] == doctest::Approx(10).epsilon(0.02));
  CHECK(p["process[web].faults.minor"] == 70);
  CHECK(p["process[web].processes"] == 1);
  p.end(4242, 9, 9);  // unknown
  p.tick(1s);
  p.tick(1s);
  CHECK(p["process[web].cpu.total"] == 0);
}

TEST_CASE("processes: one that vanishes before its end is told keeps its counters, and its memory goes") {
  Processes p;
  p.put(10, {.anon_kb = 100});
  p.put(11, {.started_s = 20, .anon_kb = 200});
  p.metrics->began(10, 0);
  p.metrics->began(11, 0);
  p.tick();
  p.put(11, {.started_s = 20, .minor = 40, .anon_kb = 200});
  p.tick();
  CHECK(p["process[web].faults.minor"] == 40);
  p.kill(11);
  p.tick();
  CHECK(p["process[web].rss"] == 100 * kKilobyte);
  CHECK(p["process[web].processes"] == 1);
  CHECK(p["process[web].faults.minor"] == 40);
  p.end(11, 0, 0);
  p.tick();
  CHECK(p["process[web].faults.minor"] == 40);
}

TEST_CASE("processes: all gone: no memory, no process, and cpu goes down to zero") {
  Processes p;
  Fake web{.user_s = 1};
  p.put(10, web);
  p.metrics->began(10, 0);
  p.tick();
  web.user_s = 2;
  p.put(10, web);
  p.tick(1s);
  CHECK(p["process[web].cpu.user"] == doctest::Approx(100));
  p.kill(10);
  p.end(10, 2, 0);
  p.tick();
  CHECK(p["process[web].processes"] == 0);
  CHECK(std::isnan(p["process[web].rss"]));
  for (int i = 0; i < 20; ++i) p.tick();
  CHECK(p["process[web].cpu.user"] == 0);
}

TEST_CASE("processes: a pid that is used again is another process") {
  Processes p;
  p.put(10, {.minor = 1000});
  p.metrics->began(10, 0);
  p.tick();
  p.put(10, {.minor = 1100});
  p.tick();
  CHECK(p["process[web].faults.minor"] == 100);
  p.kill(10);
  p.put(10, {.started_s = p.uptime_s + 0.05, .minor = 7});
  p.metrics->began(10, 0);
  p.tick();
  CHECK(p["process[web].faults.minor"] == 107);
  CHECK(p["process[web].processes"] == 1);
}

TEST_CASE("processes: a zombie does not count as living") {
  Processes p;
  p.put(10, {});
  p.put(11, {.state = 'Z'});
  p.metrics->began(10, 0);
  p.metrics->began(11, 0);
  p.tick();
  CHECK(p["process[web].processes"] == 1);
}

TEST_CASE("processes: many are read in rotation, and nothing is said until each was read") {
  Processes p;
  constexpr int kMany = 2 * ProcessMetrics::kProcessesPerTick + 10;
  for (int pid = 1; pid <= kMany; ++pid) {
    p.put(pid, {.anon_kb = 1});
    p.metrics->began(pid, 0);
  }
  p.tick();
  CHECK(p["process[web].processes"] == kMany);
  CHECK(std::isnan(p["process[web].rss"]));
  p.tick();
  CHECK(std::isnan(p["process[web].rss"]));
  p.tick();
  CHECK(p["process[web].rss"] == kMany * kKilobyte);
  for (int pid = 1; pid <= kMany; ++pid) p.put(pid, {.anon_kb = 3});
  p.tick();
  CHECK(p["process[web].rss"] == (kMany + 2 * ProcessMetrics::kProcessesPerTick) * kKilobyte);
}

TEST_CASE("processes: descriptors are counted") {
  Processes p;
  p.put(10, {});
  for (const char* fd : {"0", "1", "2", "17"}) p.proc.write(std::string("10/fd/") + fd, "");
  p.metrics->began(10, 0);
  p.tick();
  CHECK(p["process[web].fds"] == 4);
}

TEST_CASE("processes: this very process, from the real /proc") {
  Config config;
  config.targets = {{"self", {::getpid()}, {}, {}}};
  const MetricCatalogue catalogue = build_catalogue(config);
  ProcessMetrics metrics(catalogue, {"self"});
  metrics.began(::getpid(), 0);
  std::vector<double> row(catalogue.size(), -1);
  metrics.read(MonotonicClock::now(), row);
  CHECK(row[*catalogue.find("process[self].rss")] > 1e6);
  CHECK(row[*catalogue.find("process[self].threads")] >= 1);
  CHECK(row[*catalogue.find("process[self].fds")] >= 1);
  CHECK(row[*catalogue.find("process[self].age")] >= 0);
  CHECK(row[*catalogue.find("process[self].processes")] == 1);
}

TEST_CASE("processes: more than one tick reads: their CPU is that of whole rounds, no rest and no burst") {
  Processes p;
  const int count = 3 * ProcessMetrics::kProcessesPerTick + 7;
  for (int pid = 100; pid < 100 + count; ++pid) {
    p.put(pid, {});
    p.metrics->began(pid, 0);
  }
  const double wanted = 100.0 * count * 0.05;  // each uses a twentieth of a CPU
  int known = 0;
  for (int tick = 1; tick <= 60; ++tick) {
    for (int pid = 100; pid < 100 + count; ++pid) {
      Fake fake;
      fake.user_s = 0.05 * 0.1 * tick;
      p.put(pid, fake);
    }
    p.tick();
    if (std::isnan(p["process.cpu.total"])) continue;
    ++known;
    CHECK(p["process.cpu.total"] == doctest::Approx(wanted).epsilon(0.35));
  }
  CHECK(known > 30);
}

TEST_CASE("processes: the status of who rests is read a few times a second, and at once when he has run") {
  Processes p;
  p.put(10, {.user_s = 1, .started_s = 1, .anon_kb = 100, .voluntary = 5});
  p.metrics->began(10, 0);
  p.tick();
  p.put(10, {.user_s = 1, .started_s = 1, .anon_kb = 100, .voluntary = 9});
  int ticks = 0;
  for (; p["process[web].switches.voluntary"] == 0 && ticks < 10; ++ticks) p.tick();
  CHECK(p["process[web].switches.voluntary"] == 4);
  CHECK(ticks == 5);
  p.put(10, {.user_s = 2, .started_s = 1, .anon_kb = 100, .voluntary = 20});
  p.tick();
  CHECK(p["process[web].switches.voluntary"] == 15);
}

TEST_CASE("processes: what is told at the end is not more than there was time for") {
  Processes p;
  p.put(10, {.user_s = 9000, .system_s = 1000, .threads = 2});
  p.metrics->began(10, 0);
  for (int i = 0; i < 12; ++i) p.tick();
  p.kill(10);
  p.end(10, 9300, 1100, 100ms);  // by its ticks
  p.tick();
  CHECK(p["process[web].cpu.user"] == doctest::Approx(15).epsilon(0.03));  // 0.2 s of two threads, as 300 to 100
  CHECK(p["process[web].cpu.system"] == doctest::Approx(5).epsilon(0.03));
}

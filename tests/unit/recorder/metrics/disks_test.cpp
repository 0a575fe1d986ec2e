#include "recorder/metrics/disks.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <cmath>

#include "recorder/metrics/catalogue.hpp"
#include "tests/unit/recorder/metrics/metrics_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

struct Counts {
  long reads = 0, read_sectors = 0, read_ms = 0, writes = 0, written_sectors = 0, write_ms = 0, under_way = 0, busy_ms = 0;
};

std::string line(const std::string& name, const Counts& c) {
  return fmt::format(" 254 0 {} {} 1 {} {} {} 2 {} {} {} {} 77 0 0 0 0 5 6\n", name, c.reads, c.read_sectors, c.read_ms, c.writes, c.written_sectors, c.write_ms, c.under_way, c.busy_ms);
}

struct Disks {
  explicit Disks(const std::string& text) : catalogue(build_catalogue({})), row(catalogue.size(), -1) {
    files.write("sys/vda/device", "");
    files.write("sys/nvme0n1/device", "");
    files.write("sys/dm-0/size", "");
    files.write("diskstats", text);
    disks.emplace(catalogue, files.path(), files.path() + "/sys", 1);
    disks->read(now, row);
  }
  // A second later.
  void read(const std::string& text) {
    files.write("diskstats", text);
    disks->read(now += 1s, row);
  }
  double operator[](std::string_view name) const { return row[catalogue.find(name).value()]; }

  FakeProc files;
  MetricCatalogue catalogue;
  std::vector<double> row;
  Timestamp now = from_ns(5'000'000'000);
  std::optional<DiskMetrics> disks;
};

}  // namespace

TEST_CASE("disks: bytes and requests of all, busy, wait and queue of the worst; partitions and what is stacked do not count") {
  Disks d(line("vda", {.reads = 1000, .read_sectors = 8000}) + line("vda1", {.reads = 1000}) + line("nvme0n1", {}) + line("dm-0", {}));
  CHECK(d["host.disk.read"] == 8000 * 512);  // as the kernel has it: another recorder goes on from there
  CHECK(std::isnan(d["host.disk.busy"]));
  const std::string later = line("vda", {.reads = 1010, .read_sectors = 8100, .read_ms = 40, .writes = 10, .written_sectors = 200, .write_ms = 60, .under_way = 2, .busy_ms = 300}) +
                            line("vda1", {.reads = 5000, .read_sectors = 99'999}) + line("nvme0n1", {.reads = 100, .read_sectors = 800, .read_ms = 100, .busy_ms = 900}) +
                            line("dm-0", {.reads = 100, .read_sectors = 800, .read_ms = 50'000, .under_way = 99, .busy_ms = 1000});
  d.read(later);
  CHECK(d["host.disk.busy"] == doctest::Approx(90));
  CHECK(d["host.disk.wait"] == doctest::Approx(0.005));  // 100 ms over 20 requests
  CHECK(d["host.disk.queue"] == doctest::Approx(2));
  // One is unplugged, the other rests: counters stay, and nobody waits.
  const std::string rests = line("vda", {.reads = 1010, .read_sectors = 8100, .read_ms = 40, .writes = 10, .written_sectors = 200, .write_ms = 60, .busy_ms = 300});
  d.read(rests);
  CHECK(d["host.disk.read"] == (8000 + 100 + 800) * 512);  // in a straight line, a reading late
  CHECK(d["host.disk.written"] == 200 * 512);
  CHECK(d["host.disk.requests"] == 1000 + 120);
  d.read(rests);
  CHECK(d["host.disk.read"] == (8000 + 100 + 800) * 512);
  CHECK(d["host.disk.busy"] == 0);
  CHECK(d["host.disk.wait"] == 0);
  CHECK(d["host.disk.queue"] == 0);
}

TEST_CASE("disks: one that hangs is not the fastest of all") {
  Disks d(line("vda", {.reads = 100, .read_ms = 200}));
  d.read(line("vda", {.reads = 110, .read_ms = 220, .under_way = 64}));
  CHECK(d["host.disk.wait"] == doctest::Approx(0.002));
  for (int second = 1; second <= 5; ++second) {
    d.read(line("vda", {.reads = 110, .read_ms = 220, .under_way = 64, .busy_ms = 1000 * second}));
    CHECK(d["host.disk.wait"] == doctest::Approx(second));
    CHECK(d["host.disk.queue"] == doctest::Approx(64));
    CHECK(d["host.disk.busy"] == doctest::Approx(100));
  }
  d.read(line("vda", {.reads = 174, .read_ms = 220 + 64 * 6000, .busy_ms = 6000}));
  CHECK(d["host.disk.wait"] == doctest::Approx(6));
  d.read(line("vda", {.reads = 174, .read_ms = 220 + 64 * 6000, .busy_ms = 6000}));
  CHECK(d["host.disk.wait"] == 0);
}

TEST_CASE("disks: one that hangs already when it is found has done so since then") {
  const std::string hangs = line("vda", {.reads = 110, .under_way = 64});
  Disks d(hangs);
  for (int second = 1; second <= 3; ++second) {
    d.read(hangs);
    CHECK(d["host.disk.wait"] == doctest::Approx(second));
  }
}

TEST_CASE("disks: requests that take two seconds each wait two seconds, also in the second between") {
  Disks d(line("vda", {.reads = 1, .read_ms = 10, .under_way = 1}));
  for (long pair = 1; pair < 5; ++pair) {
    d.read(line("vda", {.reads = 1 + pair, .read_ms = 10 + 2000 * pair, .under_way = 1}));
    CHECK(d["host.disk.wait"] == doctest::Approx(2));
    d.read(line("vda", {.reads = 1 + pair, .read_ms = 10 + 2000 * pair, .under_way = 1}));
    CHECK(d["host.disk.wait"] == doctest::Approx(2));
  }
}

TEST_CASE("disks: milliseconds are printed as 32 bits, and a disk of a name may be another one") {
  Disks d(line("vda", {.reads = 100, .read_ms = 4'294'967'290, .busy_ms = 4'294'967'000}));
  d.read(line("vda", {.reads = 110, .read_ms = 94, .busy_ms = 204}));
  CHECK(d["host.disk.wait"] == doctest::Approx(0.01));
  CHECK(d["host.disk.busy"] == doctest::Approx(50));
  d.read(line("vda", {.reads = 3, .read_ms = 7, .busy_ms = 3}));
  CHECK(std::isnan(d["host.disk.wait"]));
  d.read(line("vda", {.reads = 13, .read_ms = 27, .busy_ms = 103}));
  CHECK(d["host.disk.wait"] == doctest::Approx(0.002));
}

TEST_CASE("disks: unknown where there is none, or nobody says") {
  Disks virtual_only(line("dm-0", {.reads = 5}) + line("loop0", {}));
  virtual_only.read(line("dm-0", {.reads = 9}));
  CHECK(std::isnan(virtual_only["host.disk.read"]));
  CHECK(std::isnan(virtual_only["host.disk.wait"]));
  Disks damaged("254 0 vda 1 2 3\nnonsense\n\n");
  damaged.read(std::string("254 0 vda 99999999999999999999999999 0 0 0 0 0 0 0 0 0 0\0\n", 58));
  CHECK(std::isnan(damaged["host.disk.read"]));
}

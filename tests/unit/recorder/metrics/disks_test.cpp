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
  long reads = 0, read_sectors = 0, read_ms = 0, writes = 0, written_sectors = 0, write_ms = 0, busy_ms = 0, weighted_ms = 0;
};

std::string line(const std::string& name, const Counts& c) {
  return fmt::format(" 254 0 {} {} 1 {} {} {} 2 {} {} 3 {} {} 0 0 0 0 5 6\n", name, c.reads, c.read_sectors, c.read_ms, c.writes, c.written_sectors, c.write_ms, c.busy_ms, c.weighted_ms);
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
  CHECK(d["host.disk.read"] == 0);  // what was before is the base
  CHECK(std::isnan(d["host.disk.busy"]));
  d.read(line("vda", {.reads = 1010, .read_sectors = 8100, .read_ms = 40, .writes = 10, .written_sectors = 200, .write_ms = 60, .busy_ms = 300, .weighted_ms = 2000}) +
         line("vda1", {.reads = 5000, .read_sectors = 99'999}) + line("nvme0n1", {.reads = 100, .read_sectors = 800, .read_ms = 100, .busy_ms = 900, .weighted_ms = 100}) +
         line("dm-0", {.reads = 100, .read_sectors = 800, .read_ms = 50'000, .busy_ms = 1000}));
  CHECK(d["host.disk.read"] == (100 + 800) * 512);
  CHECK(d["host.disk.written"] == 200 * 512);
  CHECK(d["host.disk.requests"] == 120);
  CHECK(d["host.disk.busy"] == doctest::Approx(90));
  CHECK(d["host.disk.wait"] == doctest::Approx(0.005));  // 100 ms over 20 requests
  CHECK(d["host.disk.queue"] == doctest::Approx(2));
  // One is unplugged, the other rests: counters stay, and nobody waits.
  d.read(line("vda", {.reads = 1010, .read_sectors = 8100, .read_ms = 40, .writes = 10, .written_sectors = 200, .write_ms = 60, .busy_ms = 300, .weighted_ms = 2000}));
  CHECK(d["host.disk.read"] == (100 + 800) * 512);
  CHECK(d["host.disk.busy"] == 0);
  CHECK(d["host.disk.wait"] == 0);
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

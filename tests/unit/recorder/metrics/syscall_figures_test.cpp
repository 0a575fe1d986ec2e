#include "recorder/metrics/syscall_figures.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "formats/syscall_names.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

Timestamp second(double number) { return Timestamp{from_seconds(1000 + number)}; }

struct Fixture {
  Fixture() { row.resize(catalogue.size()); }
  static MetricCatalogue named() {
    Config config;
    config.rules.push_back({.name = "opens", .when = "rate(syscall.openat.errors) > 5 or syscall.openat.latency > 1ms", .where = ""});
    config.rules.push_back({.name = "syncs", .when = "host.cpu.busy > 1%", .where = "", .clear = "syscall.fsync.longest < 1ms"});
    return build_catalogue(config);
  }
  // One second of calls by one process on one CPU.
  void count(std::uint64_t calls, std::uint64_t errors, std::uint64_t wall_ns, std::uint64_t longest_ns, double at) {
    fdr_summary_cell& cell = window.summary(7, *syscall_number("openat"), 0);
    cell.calls += calls;
    cell.errors += errors;
    cell.wall_ns += wall_ns;
    const auto epoch = static_cast<std::uint32_t>(to_ns(second(at)) >> 30);
    cell.max_ns[epoch & 1] = longest_ns;
    cell.max_epoch[epoch & 1] = epoch;
  }
  double value(const char* name, double at, double looked = 0) {
    log.read(window.view(), second(at), {});
    figures.read(log, second(at + looked), row);
    return row[catalogue.find(name).value()];
  }

  MemoryWindow window{MemoryWindow::small(2)};
  SummaryLog log{std::chrono::seconds(10)};
  MetricCatalogue catalogue = named();
  SyscallFigures figures{catalogue};
  std::vector<double> row;
};

}  // namespace

TEST_CASE("syscall figures: what a condition names, once, and only what is a system call") {
  CHECK(syscalls_named_in("syscall.openat.errors > 5 and syscall.fsync.latency > syscall.openat.rate") == std::vector<std::string>{"openat", "fsync"});
  CHECK(syscalls_named_in("process.syscalls > 5 or syscall.nonsense.rate > 1 or syscall.").empty());
  CHECK_FALSE(build_catalogue(Config{}).find("syscall.openat.rate"));
  CHECK(Fixture::named().find("syscall.fsync.longest"));
}

TEST_CASE("syscall figures: rate, errors, latency and the longest of the second before") {
  Fixture f;
  f.count(50, 50, 0, 0, 0);
  CHECK(std::isnan(f.value("syscall.openat.rate", 0)));  // of before: nobody knows over how long
  f.count(200, 3, 4'000'000, 900'000, 1);
  CHECK(f.value("syscall.openat.rate", 2) == doctest::Approx(100));
  CHECK(f.row[f.catalogue.find("syscall.openat.errors").value()] == 0);  // to rise from now on
  CHECK(f.row[f.catalogue.find("syscall.openat.latency").value()] == doctest::Approx(20e-6));
  CHECK(f.row[f.catalogue.find("syscall.openat.longest").value()] == doctest::Approx(900e-6));
  CHECK(f.row[f.catalogue.find("syscall.fsync.rate").value()] == 0);
  CHECK(std::isnan(f.row[f.catalogue.find("syscall.fsync.latency").value()]));  // none returned
  f.figures.read(f.log, second(3), f.row);
  CHECK(f.row[f.catalogue.find("syscall.openat.errors").value()] == doctest::Approx(1.5));
  f.count(1, 1, 100, 100, 3);
  CHECK(f.value("syscall.openat.rate", 4) == doctest::Approx(0.5));
  CHECK(f.row[f.catalogue.find("syscall.openat.errors").value()] == 3);
  f.figures.read(f.log, second(60), f.row);
  CHECK(f.row[f.catalogue.find("syscall.openat.errors").value()] == 4);
}

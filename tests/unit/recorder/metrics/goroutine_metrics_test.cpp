#include "recorder/metrics/goroutines.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>

#include "recorder/metrics/catalogue.hpp"

using namespace fdr;

namespace {

using std::chrono::milliseconds;

// runtime.allgs and what is not counted of it, in this very process.
struct Tables {
  std::uint64_t all[3] = {0, 0, 0};
  std::uint32_t free = 0;
};

std::shared_ptr<const GoProgram> program(const Tables& tables, std::uint32_t target) {
  auto made = std::make_shared<GoProgram>();
  made->pid = ::getpid();
  made->target = target;
  made->runtime.all_goroutines = reinterpret_cast<std::uint64_t>(tables.all);
  made->runtime.not_counted = {reinterpret_cast<std::uint64_t>(&tables.free)};
  return made;
}

struct Fixture {
  Config config;
  MetricCatalogue catalogue;
  GoroutineMetrics metrics;
  std::vector<double> row;
  Timestamp now{std::chrono::seconds(1000)};

  Fixture() : config(two_targets()), catalogue(build_catalogue(config)), metrics(catalogue, {"api", "worker"}), row(catalogue.size()) {}
  static Config two_targets() {
    Config made;
    made.targets.resize(2);
    made.targets[0].name = "api";
    made.targets[1].name = "worker";
    return made;
  }
  double read(const char* name, const GoProgramList& programs, milliseconds later) {
    now += later;
    metrics.read(programs, now, row);
    const auto id = catalogue.find(name);
    REQUIRE(id);
    return row[*id];
  }
};

}  // namespace

TEST_CASE("goroutines are counted for each target and for all, once a second") {
  Fixture fixture;
  Tables one{{1, 120, 128}, 20}, other{{1, 7, 8}, 0}, third{{1, 11, 16}, 1};
  const GoProgramList programs = {program(one, 0), program(other, 0), program(third, 1)};
  CHECK(fixture.read("process[api].goroutines", programs, milliseconds(0)) == 107);
  CHECK(fixture.read("process[worker].goroutines", programs, milliseconds(100)) == 10);
  CHECK(fixture.read("process.goroutines", programs, milliseconds(100)) == 117);
  one.free = 0;
  CHECK(fixture.read("process.goroutines", programs, milliseconds(100)) == 117);  // as read last
  CHECK(fixture.read("process.goroutines", programs, milliseconds(1000)) == 137);
}

TEST_CASE("goroutines are unknown where no program is Go's, or one of them cannot be read") {
  Fixture fixture;
  CHECK(std::isnan(fixture.read("process.goroutines", {}, milliseconds(0))));
  Tables one{{1, 120, 128}, 20}, other{{1, 7, 8}, 0};
  auto stripped = std::make_shared<GoProgram>(*program(other, 1));
  stripped->runtime.problem = "stripped";
  const GoProgramList programs = {program(one, 0), stripped};
  CHECK(fixture.read("process[api].goroutines", programs, milliseconds(1000)) == 100);
  CHECK(std::isnan(fixture.read("process[worker].goroutines", programs, milliseconds(100))));
  CHECK(std::isnan(fixture.read("process.goroutines", programs, milliseconds(100))));
}

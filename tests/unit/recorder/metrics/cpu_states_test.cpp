#include "recorder/metrics/cpu_states.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "recorder/metrics/catalogue.hpp"

using namespace fdr;
using namespace std::chrono_literals;

namespace {

// Ticks of CPU `number`.
std::string cpu_line(int number, long user, long system, long idle, long softirq = 0) { return fmt::format("cpu{} {} 0 {} {} 0 0 {} 0 0 0\n", number, user, system, idle, softirq); }

struct States {
  explicit States(const std::string& when = "host.cpu.max.busy > 90%") : catalogue(build_catalogue(config_of(when))), states(catalogue), row(catalogue.size(), -1) {}
  static Config config_of(const std::string& when) {
    Config config;
    RuleConfig& rule = config.rules.emplace_back();
    rule.name = "rule";
    rule.when = when;
    return config;
  }
  // A second later.
  void push(const std::string& cpus) {
    now += 1s;
    states.push("cpu  1 2 3 4\n" + cpus + "intr 5 0 0\n", 100, now);
    states.write(row);
  }
  double operator[](std::string_view name) const { return row[catalogue.find(name).value()]; }

  MetricCatalogue catalogue;
  CpuStates states;
  std::vector<double> row;
  Timestamp now = from_ns(5'000'000'000);
};

}  // namespace

TEST_CASE("cpus: the one that is worst off, for each state by itself") {
  States s;
  s.push(cpu_line(0, 0, 0, 0) + cpu_line(1, 0, 0, 0));
  CHECK(std::isnan(s["host.cpu.max.busy"]));
  s.push(cpu_line(0, 95, 5, 0) + cpu_line(1, 10, 0, 60, 30));
  CHECK(s["host.cpu.max.busy"] == 100);
  CHECK(s["host.cpu.max.user"] == 95);
  CHECK(s["host.cpu.max.system"] == 5);
  CHECK(s["host.cpu.max.softirq"] == 30);
  CHECK(s["host.cpu.max.steal"] == 0);
  s.push(cpu_line(0, 95, 5, 100) + cpu_line(1, 20, 0, 150, 30));
  CHECK(s["host.cpu.max.busy"] == doctest::Approx(10));  // both at rest
}

TEST_CASE("cpus: one that a rule names has its own metrics, and no other") {
  States s("host.cpu[1].softirq > 20% or host.cpu[1].busy > 99% or host.cpu[7].user > 5%");
  CHECK_FALSE(s.catalogue.find("host.cpu[0].busy"));
  s.push(cpu_line(0, 0, 0, 0) + cpu_line(1, 0, 0, 0));
  s.push(cpu_line(0, 100, 0, 0) + cpu_line(1, 10, 0, 60, 30));
  CHECK(s["host.cpu[1].softirq"] == 30);
  CHECK(s["host.cpu[1].busy"] == 40);
  CHECK(std::isnan(s["host.cpu[7].user"]));  // there is none
}

TEST_CASE("cpus: one that goes offline is not known, and begins anew when it is back") {
  States s("host.cpu[1].busy > 1%");
  const std::string first = cpu_line(0, 0, 0, 0);
  s.push(first + cpu_line(1, 50, 0, 0));
  s.push(first + cpu_line(1, 150, 0, 0));
  CHECK(s["host.cpu[1].busy"] == 100);
  s.push(first);
  CHECK(std::isnan(s["host.cpu[1].busy"]));
  s.push(first + cpu_line(1, 150, 0, 900));
  CHECK(std::isnan(s["host.cpu[1].busy"]));
  s.push(first + cpu_line(1, 160, 0, 990));
  CHECK(s["host.cpu[1].busy"] == doctest::Approx(10));
}

TEST_CASE("cpus: names in conditions, and lines that are none") {
  CHECK(cpus_named_in("host.cpu[3].busy > 1 and host.cpu[3].user > 2 or host.cpu[12].irq > 3") == std::vector<int>{3, 12});
  CHECK(cpus_named_in("host.cpu[x].busy > 1 and host.cpu[-1].busy > 1 and host.cpu[99999999999].busy > 1 and host.cpu[").empty());
  States s;
  s.push("cpu0 1 2\ncpux 1 2 3 4\ncpu\n");
  s.push("cpu1 a b c d\n");
  CHECK(std::isnan(s["host.cpu.max.busy"]));
}

TEST_CASE("cpus: idle time that is taken from elsewhere is no work of the others") {
  const auto shares = [](double user, double idle) { return cpu_shares({user, 0, 0, 0, 0, 0, idle}); };
  REQUIRE(shares(1, -0.01));
  CHECK((*shares(1, -0.01))[6] == 100);
  CHECK_FALSE(shares(1, -7200));
}

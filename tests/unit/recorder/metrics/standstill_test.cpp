#include "recorder/metrics/standstill.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "recorder/metrics/catalogue.hpp"

using namespace fdr;

TEST_CASE("standstill: the longest of all CPUs beyond the clock's period, how many CPUs, and for two epochs only") {
  const MetricCatalogue catalogue = build_catalogue({});
  const Standstill standstill(catalogue, std::chrono::milliseconds(10));
  std::vector<double> row(catalogue.size(), -1);
  const MetricId longest = catalogue.find("host.standstill").value(), cpus = catalogue.find("host.standstill.cpus").value();
  const auto at = [](std::uint64_t epoch) { return Timestamp{Duration{static_cast<std::int64_t>(epoch << 30)}}; };
  fdr_canary steady{}, stood{}, hardly{};
  steady.epoch[0] = stood.epoch[0] = hardly.epoch[0] = 1000;
  steady.longest_ns[0] = 10'100'000;
  stood.longest_ns[0] = 760'000'000;
  hardly.longest_ns[0] = 90'000'000;
  const std::vector<fdr_canary> canaries = {steady, stood, hardly};
  standstill.read(canaries, at(1001), row);
  CHECK(row[longest] == doctest::Approx(0.75));
  CHECK(row[cpus] == 1);
  standstill.read(canaries, at(1002), row);
  CHECK(row[longest] == 0);
  CHECK(row[cpus] == 0);
  row.assign(row.size(), -1);
  standstill.read({}, at(1001), row);
  CHECK(row[longest] == -1);  // no kernel side: unknown
}

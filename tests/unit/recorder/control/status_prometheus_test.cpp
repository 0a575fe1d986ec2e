#include "recorder/control/status_prometheus.hpp"

#include <doctest/doctest.h>

#include "recorder/watched/prometheus.hpp"

using namespace fdr;
using nlohmann::json;

namespace {

json recorder(const std::string& name) {
  return {{"name", name},
          {"armed", true},
          {"armed_s", 12.5},
          {"window_s", 60},
          {"threads", 3},
          {"bundles", 2},
          {"processes", json::array({{{"pid", 1}}})}, {"living", 1},
          {"cost", {{"cpu_seconds", 0.25}, {"rss_bytes", 1 << 20}, {"window_bytes", 64 << 20}, {"lateness_s", nullptr}}},
          {"rings", {{"stacks", {{"obtained_s", 9}, {"recorded", 100}, {"dropped", 0}, {"missed", 1}}}}},
          {"rules", json::array({{{"name", "cpu"}, {"value", 41.5}, {"fired", 1}, {"suppressed", 4}}, {{"name", "quiet"}, {"value", nullptr}, {"fired", 0}, {"suppressed", 0}}})}};
}

double value(const std::string& page, const std::string& series) {
  const SeriesSum sum = sum_series(page, parse_series_selector(series));
  CHECK(sum.damaged == 0);
  CHECK(sum.series == 1);
  return sum.sum;
}

}  // namespace

TEST_CASE("prometheus: figures of a recorder, its rings and its rules; what is unknown has no series") {
  const std::string page = status_prometheus(json::array({recorder("web"), {{"name", "dying"}, {"armed", false}}}), "0.1.0");
  CHECK(value(page, "fdr_build_info{version=\"0.1.0\"}") == 1);
  CHECK(value(page, "fdr_up{recorder=\"web\"}") == 1);
  CHECK(value(page, "fdr_up{recorder=\"dying\"}") == 0);
  CHECK(value(page, "fdr_armed_seconds{recorder=\"web\"}") == 12.5);
  CHECK(value(page, "fdr_records_missed_total{recorder=\"web\",ring=\"stacks\"}") == 1);
  CHECK(value(page, "fdr_rule_value{recorder=\"web\",rule=\"cpu\"}") == 41.5);
  CHECK(value(page, "fdr_rule_suppressed_total{recorder=\"web\",rule=\"cpu\"}") == 4);
  CHECK(page.find("rule=\"quiet\"} nan") == std::string::npos);
  CHECK(page.find("fdr_rule_value{recorder=\"web\",rule=\"quiet\"}") == std::string::npos);
  CHECK(page.find("fdr_tick_lateness_seconds") == std::string::npos);  // nor a head without series
}

TEST_CASE("prometheus: labels are escaped, and there are only so many") {
  const std::string page = status_prometheus(json::array({recorder("a\"b\\c\nd")}), "1");
  CHECK(page.find("recorder=\"a\\\"b\\\\c") != std::string::npos);
  for (std::size_t at = 0; (at = page.find('\n', at)) != std::string::npos; ++at) CHECK((at + 1 == page.size() || page[at + 1] == '#' || page.compare(at + 1, 4, "fdr_") == 0));
  json many = json::array(), rules = json::array();
  for (std::size_t i = 0; i < 2 * kMostRules; ++i) rules.push_back({{"name", "r" + std::to_string(i)}, {"fired", 0}});
  for (std::size_t i = 0; i < 2 * kMostRecorders; ++i) many.push_back({{"name", "n" + std::to_string(i)}, {"armed", true}});
  many[0]["rules"] = rules;
  const std::string bounded = status_prometheus(many, "1");
  CHECK(sum_series(bounded, parse_series_selector("fdr_up")).series == kMostRecorders);
  CHECK(sum_series(bounded, parse_series_selector("fdr_rule_fired_total")).series == kMostRules);
}

TEST_CASE("prometheus: no recorder is a page too, and a status of another shape costs itself only") {
  CHECK(status_prometheus(json::array(), "1").find("fdr_build_info{version=\"1\"} 1\n") != std::string::npos);
  const std::string page = status_prometheus(json::array({{{"name", 7}, {"rings", "x"}, {"rules", {{"a", 1}}}, {"processes", 3}, {"cost", json::array()}}}), "1");
  CHECK(page.find("fdr_up{recorder=\"\"} 0\n") != std::string::npos);
}

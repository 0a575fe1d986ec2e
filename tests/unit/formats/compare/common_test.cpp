#include "formats/compare/common.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using incident::contains;

namespace {

// A server that serves all the time; since the onset `culprit` runs in another thread, and a metric goes where it is told.
FiringProfile made(const char* culprit, double free_since, bool rule = true) {
  made_case::Case c;
  if (rule) c.metric("process.cpu.total", 30, 95, Unit::kPercent);
  c.metric("host.mem.free", 4e9, free_since, Unit::kBytes);
  c.samples(0, {"main", "serve"}, made_case::kBegin, made_case::kEnd, 30);
  c.samples(1, {"main", "rank", culprit}, made_case::kOnset, made_case::kEnd, 66);
  for (int i = 0; i < 14; ++i)
    c.timeline.failed.push_back({incident::call(-1 + 0.1 * i, 2, "openat", Duration{3000}, -2), {}, "/etc/x", kNoStack, WalkEnd::kNotWalked});
  Bundle bundle;
  bundle.manifest = c.manifest;
  bundle.manifest.stacks.samples = c.timeline.samples.size();
  bundle.timeline = c.timeline;
  bundle.path = "somewhere/a.fdr";
  return firing_of({bundle, c.names});
}

nlohmann::json json_of(const std::vector<FiringProfile>& firings) { return nlohmann::json::parse(common_json(firings)); }

bool has(const nlohmann::json& rows, const std::string& name) {
  for (const auto& row : rows)
    if (row.at("name").get<std::string>().find(name) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("common: what rose in every firing, and in none of the quiet parts") {
  const auto json = json_of({made("score", 1e9), made("score", 2e9)});
  CHECK(json.at("compared") == 2);
  CHECK(json.at("firings").at(0).at("samples").get<int>() > 1000);
  CHECK(has(json.at("functions"), "score"));
  CHECK(has(json.at("stacks"), "score"));
  CHECK_FALSE(has(json.at("functions"), "serve"));  // always there
  CHECK(has(json.at("failed"), "openat /etc/x"));
  CHECK(has(json.at("metrics"), "host.mem.free"));
  CHECK_FALSE(json.at("findings").empty());
  const std::string text = common_text({made("score", 1e9), made("score", 2e9)}, {100, false});
  CAPTURE(text);
  CHECK(contains(text, "in each of 2 firings"));
  CHECK(contains(text, "score < rank < main"));
}

TEST_CASE("common: what only one firing has, or moved the other way in one, is not shared") {
  const auto json = json_of({made("score", 1e9), made("sort", 8e9), made("score", 1e9)});
  CHECK_FALSE(has(json.at("functions"), "score"));
  CHECK_FALSE(has(json.at("functions"), "sort"));
  CHECK(has(json.at("functions"), "rank"));
  CHECK_FALSE(has(json.at("metrics"), "host.mem.free"));
}

TEST_CASE("common: a firing without a quiet part is named, and nothing is made of one comparison") {
  const std::vector<FiringProfile> firings = {made("score", 1e9), made("score", 1e9, false)};
  const auto json = json_of(firings);
  CHECK(json.at("compared") == 1);
  CHECK(json.at("firings").at(1).at("problem").get<std::string>().starts_with("the onset is unknown"));
  CHECK_FALSE(json.contains("functions"));
  const std::string text = common_text(firings, {100, false});
  CHECK(contains(text, "not compared: the onset is unknown"));
  CHECK(contains(text, "1 of 2 firings have a quiet part"));
}

#include "formats/compare/diff.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using incident::contains;

namespace {

struct Opened {
  Bundle bundle;
  FrameNames names;
  DiffInput input() const { return {bundle, names}; }
};

// A server that serves all the time and since two seconds before the firing also ranks.
Opened made(bool trouble) {
  made_case::Case c;
  c.metric("process.cpu.total", 30, trouble ? 95 : 30, Unit::kPercent);
  c.metric("host.mem.free", 4e9, 4e9, Unit::kBytes);
  c.samples(0, {"main", "serve"}, made_case::kBegin, made_case::kEnd, 30);
  if (trouble) c.samples(1, {"main", "rank", "score"}, made_case::kOnset, made_case::kEnd, 66);
  c.sums("sendto", 100, trouble ? 400 : 100, trouble ? 10 : 0);
  if (trouble)
    for (int i = 0; i < 14; ++i)
      c.timeline.failed.push_back({incident::call(-1 + 0.1 * i, 2, "openat", Duration{3000}, -2), {}, "/etc/x\x1b[2J", kNoStack, WalkEnd::kNotWalked});
  Opened opened;
  opened.bundle.manifest = c.manifest;
  opened.bundle.timeline = c.timeline;
  opened.bundle.manifest.host.name = "web1";
  opened.names = c.names;
  return opened;
}

const DiffPart& part(const Difference& difference, const std::string& name) {
  return *std::find_if(difference.parts.begin(), difference.parts.end(), [&](const DiffPart& p) { return p.name == name; });
}

const DiffRow& row(const DiffPart& p, const std::string& name) {
  return *std::find_if(p.rows.begin(), p.rows.end(), [&](const DiffRow& r) { return r.name == name; });
}

}  // namespace

TEST_CASE("diff --within: what is new since the onset comes first, in every part") {
  const Difference difference = diff_within(made(true).input());
  CHECK(difference.base_s == doctest::Approx(30).epsilon(0.02));
  CHECK(difference.now_s == doctest::Approx(7).epsilon(0.02));
  const DiffPart& functions = part(difference, "functions");
  CHECK(row(functions, "score").base == 0);
  CHECK(row(functions, "score").now == doctest::Approx(67).epsilon(0.05));
  CHECK(std::abs(row(functions, "serve").gain()) < 2);
  CHECK(part(difference, "stacks").rows[0].stack == std::vector<std::string>{"main", "rank", "score"});
  CHECK(part(difference, "threads").rows[0].name == "worker (server)");
  const DiffRow& sendto = row(part(difference, "syscalls"), "sendto");
  CHECK(sendto.base == doctest::Approx(100).epsilon(0.05));
  CHECK(sendto.now == doctest::Approx(400).epsilon(0.05));
  CHECK(sendto.now_errors > 5);
  CHECK(part(difference, "metrics").rows[0].name == "process.cpu.total");
  CHECK(contains(part(difference, "failed").rows[0].name, "other openat"));
  CHECK(contains(part(difference, "failed").rows[0].name, "ENOENT"));
}

TEST_CASE("diff: a healthy bundle as base; the same bundle twice differs in nothing") {
  const Opened good = made(false), bad = made(true);
  const Difference difference = diff_bundles(good.input(), bad.input());
  CHECK(part(difference, "functions").rows[0].gain() > 50);
  CHECK(contains(difference.base, "web1"));
  for (const DiffPart& p : diff_bundles(good.input(), good.input()).parts)
    for (const DiffRow& r : p.rows) CHECK(r.gain() == 0);
  CHECK(contains(diff_text(diff_bundles(good.input(), good.input()), {}), "nothing differs"));
}

TEST_CASE("diff --within: shares of a CPU are of the seconds with samples, and unknown where those are too few") {
  Opened opened = made(true);
  opened.bundle.manifest.rings["stacks"].obtained_s = 10;  // three quiet seconds of thirty
  std::erase_if(opened.bundle.timeline.samples, [](const StackSample& sample) { return sample.time < incident::at(made_case::kEnd - 10); });
  const Difference difference = diff_within(opened.input());
  CHECK(std::abs(row(part(difference, "functions"), "serve").gain()) < 2);
  CHECK(contains(difference.base, "3.0 s of it with stacks"));
  CHECK_FALSE(contains(difference.now, "with stacks"));
  CHECK(row(part(difference, "syscalls"), "sendto").base == doctest::Approx(100).epsilon(0.05));

  opened.bundle.manifest.rings["stacks"].obtained_s = 7.2;
  const Difference blind = diff_within(opened.input());
  for (const char* name : {"functions", "stacks", "threads"}) {
    CAPTURE(name);
    CHECK(std::isnan(part(blind, name).rows.at(0).base));
    CHECK(part(blind, name).rows.at(0).base_text == "unknown");
    CHECK(part(blind, name).rows.at(0).now > 50);
  }
  CHECK(contains(diff_text(blind, {}), "unknown"));
  CHECK(nlohmann::json::parse(diff_json(blind)).at("functions").at(0).at("base").is_null());
}

TEST_CASE("diff --within: without an onset it says so, with one given it works") {
  const Opened good = made(false);
  CHECK_THROWS_WITH_AS(diff_within(good.input()), doctest::Contains("onset is unknown"), Error);
  CHECK(diff_within(good.input(), "-10").base_s == doctest::Approx(22).epsilon(0.02));
  CHECK_THROWS_AS(diff_within(good.input(), "-31.5"), Error);  // nothing quiet left
}

TEST_CASE("diff: text fits the terminal and is printable, JSON has all parts") {
  const Difference difference = diff_within(made(true).input());
  for (const int columns : {80, 160}) {
    const std::string text = diff_text(difference, {columns, false});
    CHECK(contains(text, "score"));
    CHECK_FALSE(contains(text, "\x1b"));
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = text.find('\n', begin);
      CHECK(display_width(text.substr(begin, end - begin)) <= static_cast<std::size_t>(columns));
      begin = end + 1;
    }
  }
  const auto json = nlohmann::json::parse(diff_json(difference));
  for (const char* name : {"functions", "stacks", "threads", "syscalls", "failed", "metrics"}) {
    CAPTURE(name);
    REQUIRE(json.at(name).is_array());
    CHECK(json.at(name).at(0).contains("gain"));
  }
  CHECK(json.at("base").at("seconds").get<double>() > 29);
}

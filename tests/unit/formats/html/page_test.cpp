#include "formats/html/page.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "formats/html/page_data.hpp"
#include "formats/report/report.hpp"
#include "formats/sha256.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
using incident::contains;
using incident::count;

namespace {

// The texts between `open` and `close`, in order.
std::vector<std::string> pieces(const std::string& page, const std::string& open, const std::string& close) {
  std::vector<std::string> found;
  for (std::size_t at = page.find(open); at != std::string::npos; at = page.find(open, at + 1)) {
    const std::size_t begin = at + open.size();
    found.push_back(page.substr(begin, page.find(close, begin) - begin));
  }
  return found;
}

// Hex of what a policy's 'sha256-...' says.
std::string hex_of_base64(const std::string& text) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string hex;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
    held += 6;
    for (; held >= 4; held -= 4) hex += "0123456789abcdef"[bits >> (held - 4) & 15];
  }
  hex.resize(hex.size() / 2 * 2);
  return hex;
}

constexpr const char* kHostile = "</script><script>alert(1)</script><!-- \xe2\x80\xa8 \x1b[2J & '\"";

}  // namespace

TEST_CASE("html: JSON in a script holds nothing that ends it, and says the same") {
  const Json json = {{"</script>", "<!--<script>&amp;\xe2\x80\xa8\xe2\x80\xa9\x01\xe2\x80\xa6"}};
  const std::string text = script_json(json);
  CHECK_FALSE(contains(text, "<"));
  CHECK_FALSE(contains(text, ">"));
  CHECK_FALSE(contains(text, "&"));
  CHECK_FALSE(contains(text, "\xe2\x80\xa8"));
  CHECK_FALSE(contains(text, "\xe2\x80\xa9"));
  CHECK(contains(text, "\\u003c/script\\u003e"));
  CHECK(contains(text, "\xe2\x80\xa6"));
  CHECK(Json::parse(text) == json);
}

TEST_CASE("html: nothing of a bundle becomes a part of the document") {
  auto made = incident::make();
  Timeline& t = made.bundle.timeline;
  t.processes[0].name = t.threads[0].name = t.slow[0].subject = t.life.back().text = kHostile;
  t.processes[0].command_line = {kHostile};
  t.metrics[0].name = kHostile;
  made.names[0][0].function = kHostile;
  made.bundle.manifest.trigger.name = made.bundle.manifest.host.name = kHostile;
  made.bundle.manifest.losses.push_back(kHostile);
  made.bundle.path = std::string("/tmp/") + "<b>.fdr";

  const std::string page = report_html(made.bundle, made.names);
  CHECK(count(page, "<script") == 3);  // the data, uPlot, the page's own
  CHECK(count(page, "</script") == 3);
  CHECK_FALSE(contains(page, "alert(1)</"));
  CHECK_FALSE(contains(page, "\x1b"));
  CHECK_FALSE(contains(page, "\xe2\x80\xa8"));

  const std::string data = pieces(page, "<script type=\"application/json\" id=\"data\">", "</script>").at(0);
  const Json json = Json::parse(data);
  // What controls a terminal or hides text is visible text.
  CHECK(contains(json["report"]["trigger"]["name"].get<std::string>(), "</script><script>alert(1)</script>"));
  CHECK(contains(json["report"]["trigger"]["name"].get<std::string>(), "\\x1b[2J"));
  CHECK(json["bundle"] == "<b>.fdr");
}

TEST_CASE("html: the policy allows our own scripts and styles by their hashes, and nothing else") {
  const auto made = incident::make();
  const std::string page = report_html(made.bundle, made.names);
  const std::string policy = pieces(page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"").at(0);
  CHECK(policy.starts_with("default-src 'none';"));
  CHECK(contains(policy, "base-uri 'none'"));
  CHECK_FALSE(contains(policy, "unsafe"));
  CHECK_FALSE(contains(policy, "http"));

  std::vector<std::string> hashes, wanted;
  for (const std::string& hash : pieces(policy, "'sha256-", "'")) hashes.push_back(hex_of_base64(hash));
  for (const std::string& script : pieces(page, "<script>", "</script>")) wanted.push_back(sha256_hex(script));
  for (const std::string& style : pieces(page, "<style>", "</style>")) wanted.push_back(sha256_hex(style));
  REQUIRE(wanted.size() == 3);
  CHECK(hashes == wanted);
}

TEST_CASE("html: the data is the report, with since when, the marks, and every loss") {
  const auto made = incident::make();
  const Json data = page_data(made.bundle, made.names);
  CHECK(data["report"]["trigger"]["value_text"] == "41.2 %");
  CHECK(data["report"]["findings"].size() == Json::parse(report_json(made.bundle, made.names))["findings"].size());
  CHECK(data["sides"]["known"] == true);
  CHECK(data["sides"]["onset_s"].get<double>() == doctest::Approx(-1.5));
  CHECK(data["sides"]["begin_s"].get<double>() == doctest::Approx(-60));
  CHECK(data["marks"] == Json::parse(R"([{"at_s": 3.0, "text": "deploy v2"}])"));
  CHECK(data["losses"].size() == 3);
  CHECK(data["metrics"][0]["name"] == "process[haproxy].cpu.system");
  CHECK(data["metrics"][0]["in_rule"] == true);

  const Json given = page_data(made.bundle, made.names, "-12");
  CHECK(given["sides"]["onset_s"].get<double>() == doctest::Approx(-12));
}

TEST_CASE("html: the page of a bundle that is out to fill a disk stays below 5 MB") {
  auto made = incident::make();
  Timeline& t = made.bundle.timeline;
  const auto module = t.stacks.intern_module({ModuleKind::kFile, "/bin/many", ""});
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const std::uint32_t frames[] = {t.stacks.intern_frame(module, i, std::to_string(i) + std::string(400, '<'))};
    const StackId stack = t.stacks.intern_stack(frames);
    t.samples.push_back({incident::at(-30), 0, 0, false, stack, WalkEnd::kRoot});
    if (i % 10 == 0) t.failed.push_back({t.failed[0].call, {}, std::to_string(i) + std::string(1'000, '&'), stack, WalkEnd::kRoot});
  }
  for (int i = 0; i < 1'500; ++i) {
    MetricSeries series{"process[" + std::to_string(i) + std::string(300, '>') + "]", Unit::kCount, MetricKind::kGauge, {}};
    for (int second = -60; second < 5; ++second) series.points.push_back({incident::at(second), 1e-9 * (second * i % 977)});
    t.metrics.push_back(std::move(series));
  }
  CHECK(report_html(made.bundle, made.names).size() < 5 << 20);
}

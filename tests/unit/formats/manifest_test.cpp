#include "formats/manifest.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "formats/error.hpp"
#include "formats/findings/sampling.hpp"

using namespace fdr;
using nlohmann::json;

namespace {

Manifest sample() {
  Manifest m;
  m.fdr_version = "0.1.0";
  m.host = {"web1", "6.1.0-13-amd64", "x86_64", 8, 16ull << 30};
  m.target = {"attach", {4242, 4243}, {"haproxy", "-f", "x\xff.cfg"}, {"haproxy"}, std::string(64, 'c'), {{4242, 1}, {4243, 7}}};
  m.trigger = {"system-cpu",     "process[haproxy].cpu.system > 30%", 41.25,         "41.2 %",
               "held for 1.0 s", 1'772'368'883'456'789'012,           90'000'000'123};
  m.window = {30'000'000'123, 95'000'000'123, 60, 5};
  m.clock = {1'772'368'883'456'789'012, 90'000'000'123, 190'000'000'123};
  m.anchors = {{1, 2, 3}, {4, 5, 6}};
  m.stacks = {1000, 993, {{"root", 993}, {"no-unwind-info", 7}}};
  m.rings["stacks"] = {65, 65, 1000, 1000, 0, 1, 2, 3};
  m.rings["syscalls"] = {65, 2.125, 9'000'000'000, 300'000, 8'999'700'000, 0, 0, 0};
  m.cost = {1.5, 20'000'000, 67'108'864, 0.75};
  m.losses = {"syscalls: 2.1 s of 65 s"};
  m.backend = "bpf";
  m.config = "window = { span = \"60s\" }\n";
  m.files["trace.pftrace"] = std::string(64, 'a');
  return m;
}

std::string error_of(const std::string& text) {
  try {
    manifest_from_json(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string error_after(void (*change)(json&)) {
  json j = json::parse(to_json(sample()));
  change(j);
  return error_of(j.dump());
}

}  // namespace

TEST_CASE("a manifest with a number that no double holds is an Error") {
  CHECK_THROWS_AS(manifest_from_json(R"({"format": 1e999})"), Error);
}

TEST_CASE("manifest: the promised keys") {
  const json j = json::parse(to_json(sample()));
  CHECK(j.at("format") == 1);
  CHECK(j.at("fdr").at("version") == "0.1.0");
  CHECK(j.at("host").at("name") == "web1");
  CHECK(j.at("host").at("kernel") == "6.1.0-13-amd64");
  CHECK(j.at("host").at("cpus") == 8);
  CHECK(j.at("target").at("mode") == "attach");
  CHECK(j.at("target").at("pids") == json({4242, 4243}));
  CHECK(j.at("target").at("command").at(2) == "x\\xff.cfg");
  CHECK(j.at("target").at("container") == std::string(64, 'c'));
  CHECK(j.at("target").at("ns_pids") == json({{"4242", 1}, {"4243", 7}}));
  CHECK(j.at("trigger").at("name") == "system-cpu");
  CHECK(j.at("trigger").at("value") == 41.25);
  CHECK(j.at("trigger").at("time") == "2026-03-01T12:41:23.456Z");
  CHECK(j.at("trigger").at("monotonic_ns") == 90'000'000'123);
  CHECK(j.at("window").at("start") == "2026-03-01T12:40:23.456Z");
  CHECK(j.at("window").at("end") == "2026-03-01T12:41:28.456Z");
  CHECK(j.at("window").at("before_s") == 60);
  CHECK(j.at("window").at("after_s") == 5);
  CHECK(j.at("clock").at("boottime_ns") == 190'000'000'123);
  CHECK(j.at("clock").at("anchors").at(1).at("realtime_ns") == 4);
  CHECK(j.at("stacks").at("share_complete") == 0.993);
  CHECK(j.at("stacks").at("reasons").at("no-unwind-info") == 7);
  CHECK(j.at("rings").at("stacks").at("missed") == 2);
  CHECK(j.at("rings").at("syscalls").at("recorded") == 9'000'000'000);
  CHECK(j.at("cost").at("dump_seconds") == 0.75);
  CHECK(j.at("grade").is_null());
  CHECK(j.at("signature").is_null());
  CHECK(j.at("files").at("trace.pftrace").at("sha256") == std::string(64, 'a'));
}

TEST_CASE("manifest: what was written is read back") {
  const Manifest read = manifest_from_json(to_json(sample()));
  const Manifest m = sample();
  CHECK(read.host.memory_bytes == m.host.memory_bytes);
  CHECK(read.target.pids == m.target.pids);
  CHECK(read.target.container == m.target.container);
  CHECK(read.target.ns_pids == m.target.ns_pids);
  CHECK(read.trigger.realtime_ns == m.trigger.realtime_ns);
  CHECK(read.window.start_ns == m.window.start_ns);
  CHECK(read.clock == m.clock);
  CHECK(read.anchors == m.anchors);
  CHECK(read.stacks.reasons == m.stacks.reasons);
  CHECK(read.rings.at("syscalls").overwritten == m.rings.at("syscalls").overwritten);
  CHECK(read.losses == m.losses);
  CHECK(read.files == m.files);
  CHECK(read.config == m.config);
  Manifest expected = m;
  expected.target.command[2] = "x\\xff.cfg";  // a byte that is not UTF-8 cannot stand in JSON
  CHECK(to_json(read) == to_json(expected));
}

TEST_CASE("manifest: who is in no container has no key for it, and a pid is a number") {
  Manifest m = sample();
  m.target.container.clear();
  m.target.ns_pids.clear();
  const json j = json::parse(to_json(m));
  CHECK_FALSE(j.at("target").contains("container"));
  CHECK_FALSE(j.at("target").contains("ns_pids"));
  CHECK(error_after([](json& changed) { changed["target"]["ns_pids"] = {{"42 ", 1}}; }).find("target.ns_pids") != std::string::npos);
  CHECK(error_after([](json& changed) { changed["target"]["ns_pids"] = {{"42", "one"}}; }).find("target.ns_pids.42") != std::string::npos);
}

TEST_CASE("manifest: an unknown value stays unknown") {
  Manifest m = sample();
  m.trigger.value = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(manifest_from_json(to_json(m)).trigger.value));
}

TEST_CASE("manifest: unknown keys are ignored, whatever they hold") {
  CHECK(error_after([](json& j) {
          j["later"] = {{"x", {1, 2, 3}}};
          j["host"]["zone"] = true;
        }) == "no error");
}

TEST_CASE("manifest: missing keys are named, all of them") {
  CHECK(error_after([](json& j) {
          j["trigger"].erase("name");
          j.erase("window");
        }) == "manifest.json: missing: trigger.name, window.start_ns, window.end_ns, window.before_s, window.after_s");
}

TEST_CASE("manifest: wrong types are named") {
  CHECK(error_after([](json& j) { j["host"]["name"] = 5; }) == "manifest.json: host.name is not a string");
  CHECK(error_after([](json& j) { j["host"]["cpus"] = 1e300; }) == "manifest.json: host.cpus is not an integer");
  CHECK(error_after([](json& j) { j["host"]["cpus"] = 1ll << 40; }) ==
        "manifest.json: host.cpus is not an integer in range");
  CHECK(error_after([](json& j) { j["stacks"]["samples"] = -1; }) ==
        "manifest.json: stacks.samples is not an integer in range");
  CHECK(error_after([](json& j) { j["rings"]["stacks"] = json::array(); }) ==
        "manifest.json: rings.stacks is not an object");
  CHECK(error_after([](json& j) { j["target"]["pids"] = {"x"}; }) == "manifest.json: target.pids is not an integer");
}

TEST_CASE("manifest: a newer format and no format at all") {
  CHECK(error_after([](json& j) { j["format"] = 2; }) == "manifest.json: format 2 is newer than this fdr knows (1)");
  CHECK(error_after([](json& j) { j["format"] = 18446744073709551615ull; }).find("is newer") != std::string::npos);
  CHECK(error_after([](json& j) { j.erase("format"); }) ==
        "manifest.json: no format number: this is not a bundle of fdr");
  CHECK(error_of("[]") == "manifest.json: no format number: this is not a bundle of fdr");
}

TEST_CASE("manifest: more entries than any recorder writes are refused") {
  CHECK(error_after([](json& j) {
          for (int i = 0; i <= 10'000; ++i) j["files"][std::to_string(i)] = {{"sha256", ""}};
        }) == "manifest.json: files has more than 10000 entries");
  CHECK(error_after([](json& j) {
          for (int i = 0; i <= 64; ++i) j["rings"][std::to_string(i)] = json::object();
        }) == "manifest.json: rings has more than 64 entries");
  CHECK(error_after([](json& j) {
          for (int i = 0; i <= 64; ++i) j["stacks"]["reasons"][std::to_string(i)] = 1;
        }) == "manifest.json: stacks.reasons has more than 64 entries");
  CHECK(error_after([](json& j) { j["target"]["pids"] = std::vector<int>(65'537); }) == "manifest.json: target.pids has more than 65536 entries");
  CHECK(error_after([](json& j) {
          for (int i = 0; i <= 65'536; ++i) j["target"]["ns_pids"][std::to_string(i)] = 1;
        }) == "manifest.json: target.ns_pids has more than 65536 entries");
  CHECK(error_after([](json& j) { j["target"]["pids"] = std::vector<int>(65'536); }) == "no error");
}

TEST_CASE("manifest: times come back within what a machine can have lived through") {
  for (const std::int64_t ns : {INT64_MIN, INT64_MAX}) {
    json j = json::parse(to_json(sample()));
    j["trigger"]["realtime_ns"] = j["trigger"]["monotonic_ns"] = j["window"]["start_ns"] = j["window"]["end_ns"] = ns;
    j["clock"] = {{"realtime_ns", ns}, {"monotonic_ns", ns}, {"boottime_ns", ns}, {"anchors", json::array({{{"realtime_ns", ns}, {"monotonic_ns", ns}, {"boottime_ns", ns}}})}};
    j["episode"] = {{"id", "x"}, {"stage", "end"}, {"onset_ns", ns}};
    const Manifest m = manifest_from_json(j.dump());
    for (const std::int64_t uptime : {m.trigger.monotonic_ns, m.window.start_ns, m.window.end_ns, m.clock.monotonic_ns, m.clock.boottime_ns, m.anchors.at(0).monotonic_ns, m.episode.onset_ns})
      CHECK((ns < 0 ? -uptime : uptime) == std::int64_t{1} << 60);
    for (const std::int64_t realtime : {m.trigger.realtime_ns, m.clock.realtime_ns, m.anchors.at(0).realtime_ns}) CHECK(realtime == (ns < 0 ? 0 : std::int64_t{1} << 62));
    CHECK(to_json(manifest_from_json(to_json(m))) == to_json(m));
  }
}

TEST_CASE("manifest: how often the stacks were sampled, in bundles old and new") {
  Manifest m = sample();
  CHECK_FALSE(json::parse(to_json(m)).at("stacks").contains("sampled_hz"));
  m.sampled_hz = 999;
  CHECK(json::parse(to_json(m)).at("stacks").at("sampled_hz") == 999);
  CHECK(manifest_from_json(to_json(m)).sampled_hz == 999);
  m.config = "[sample]\nfrequency = 250\n";
  CHECK(sampling_frequency(m) == 999);
  m.sampled_hz = 0;
  CHECK(sampling_frequency(m) == 250);
  for (const char* none : {"", "\nfrequency = soon", "\nfrequency = 1e9\n", "\nfrequency = nan\n", "\nfrequency = -5\n"}) {
    m.config = none;
    CHECK(sampling_frequency(m) == 99);
  }
  m.sampled_hz = 4'000'000'000;
  CHECK(sampling_frequency(m) == 99);
}

TEST_CASE("manifest: hostile JSON is refused before it is built") {
  CHECK(error_of("{\"a\": ") == "manifest.json: not JSON: damaged at byte 7");
  CHECK(error_of(std::string(1'000'000, '[')) == "manifest.json: nested deeper than 24");
  std::string wide = "[0";
  for (int i = 0; i < 600'000; ++i) wide += ",0";
  CHECK(error_of(wide + "]") == "manifest.json: more than 500000 values");
  CHECK(error_of("") != "no error");
}

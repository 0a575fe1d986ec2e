#include "formats/figures/go.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "formats/report/go_section.hpp"
#include "formats/report/report.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
using incident::contains;
using nlohmann::json;

namespace {

constexpr const char* kGoroutines = R"json({"version": "go1.19.8", "problem": "", "at_ns": 90000000000, "start_ns": 30000000000,
  "goroutines": 120, "at_start": 20, "rows": [
  {"count": 114, "wait": "chan send", "function": "main.(*Peer).gossip", "place": "/src/peer.go:98", "created_by": "main.main",
   "created_place": "/src/main.go:44", "system": false, "waiting_s": 150.5, "stack": ["main.(*Peer).gossip /src/peer.go:98"]},
  {"count": 2, "wait": "GC worker (idle)", "function": "runtime.gcBgMarkWorker", "place": "/go/mgc.go:1", "created_by": "",
   "created_place": "", "system": true, "waiting_s": null, "stack": []}]})json";
constexpr const char* kHeap = R"json({"version": "go1.19.8", "problem": "", "start_ns": 30000000000, "rows": [
  {"function": "main.newPeerState", "place": "/src/peer.go:37", "in_use_bytes": 73400320, "grown_bytes": 62914560,
   "alloc_bytes": 83886080, "alloc_since_start_bytes": 62914560, "stack": []},
  {"function": "main.createProposal", "place": "/src/consensus.go:33", "in_use_bytes": 2097152, "grown_bytes": -1048576,
   "alloc_bytes": 9000000000, "alloc_since_start_bytes": 6000000000, "stack": []}]})json";

// A bundle on disk that holds nothing but these files.
struct Files {
  std::filesystem::path directory;
  Manifest manifest;

  explicit Files(const std::map<std::string, std::string>& files) {
    std::string name = (std::filesystem::temp_directory_path() / "fdr-go-report-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    directory = name;
    manifest.trigger.monotonic_ns = 90'000'000'000;
    for (const auto& [path, text] : files) {
      std::filesystem::create_directories((directory / path).parent_path());
      std::ofstream(directory / path) << text;
      manifest.files[path] = "";
    }
  }
  ~Files() { std::filesystem::remove_all(directory); }
};

}  // namespace

TEST_CASE("what a Go program said is read back") {
  const Files files({{"process/77/goroutines.json", kGoroutines}, {"process/77/heap.json", kHeap}});
  const auto reports = go_reports(files.directory, files.manifest);
  REQUIRE(reports.size() == 1);
  const GoReport& report = reports[0];
  CHECK(report.pid == 77);
  CHECK(report.version == "go1.19.8");
  CHECK(report.goroutines == 120);
  CHECK(report.goroutines_at_start == 20);
  CHECK(report.goroutines_start_at_s == doctest::Approx(-60));
  REQUIRE(report.groups.size() == 2);
  CHECK(report.groups[0].count == 114);
  CHECK(report.groups[0].waiting_s == 150.5);
  CHECK(report.groups[1].system);
  CHECK(!report.groups[1].waiting_s);
  REQUIRE(report.sites.size() == 2);
  CHECK(report.sites[0].grown == 62914560);
  CHECK(report.sites[1].allocated == 9e9);
}

TEST_CASE("show goroutines and show heap are rows of it; what cannot be measured is a row that says why") {
  auto made = incident::make();
  const Files files({{"process/77/goroutines.json", kGoroutines},
                     {"process/77/heap.json", R"({"problem": "no profile", "rows": []})"},
                     {"process/78/goroutines.json", R"({"problem": "stripped", "rows": []})"}});
  made.bundle.path = files.directory;
  made.bundle.manifest.files = files.manifest.files;
  const json rows = json::parse(show_json(made.bundle, made.names, "goroutines", {}));
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].at("count") == 114);
  CHECK(rows[0].at("function") == "main.(*Peer).gossip");
  CHECK(rows[0].at("place") == "/src/peer.go:98");
  CHECK(rows[0].at("wait") == "chan send");
  CHECK(rows[0].at("created_by") == "main.main");
  CHECK(rows[0].at("pid") == 77);
  CHECK(rows[2].at("wait") == "not measurable");
  CHECK(rows[2].at("function") == "stripped");
  const json heap = json::parse(show_json(made.bundle, made.names, "heap", {}));
  REQUIRE(heap.size() == 1);
  CHECK(heap[0].at("function") == "not measurable: no profile");
  CHECK(contains(show_text(made.bundle, made.names, "heap", {}, {.columns = 200}), "no profile"));
  ShowFilter other;
  other.pid = 78;
  CHECK(json::parse(show_json(made.bundle, made.names, "goroutines", other)).size() == 1);
}

TEST_CASE("the report says how many, where most stand, and what grew") {
  const Files files({{"process/77/goroutines.json", kGoroutines}, {"process/77/heap.json", kHeap}});
  const std::string text = go_section(files.directory, files.manifest, {.columns = 200});
  CHECK(contains(text, "120 goroutines at the firing, 20 when first seen (60 s before)"));
  CHECK(contains(text, "114 in main.(*Peer).gossip at peer.go:98 (chan send)"));
  CHECK(contains(text, "created by main.main at main.go:44"));
  CHECK(contains(text, "main.newPeerState at peer.go:37: +60 MB since the start, 70 MB in use"));
  CHECK(!contains(text, "main.createProposal"));  // it did not grow
  CHECK(!contains(text, "gcBgMarkWorker"));
  CHECK(go_section(files.directory, Manifest{}, {}) == "");
}

TEST_CASE("files that are damaged, of wrong types or of strange names are no end") {
  const Files files({{"process/1/goroutines.json", "{"},
                     {"process/2/goroutines.json", R"([1, 2])"},
                     {"process/3/goroutines.json", R"({"rows": [1, {"count": "many", "wait": 7, "stack": "x"}, null], "goroutines": -4})"},
                     {"process/4/heap.json", R"({"rows": {"a": 1}, "start_ns": "now"})"},
                     {"process/x/heap.json", "{}"},
                     {"process/5/6/heap.json", "{}"}});
  const auto reports = go_reports(files.directory, files.manifest);
  REQUIRE(reports.size() == 4);
  CHECK(reports[0].goroutines_problem != "");
  CHECK(reports[1].goroutines_problem != "");
  CHECK(reports[2].goroutines == 0);
  REQUIRE(reports[2].groups.size() == 1);
  CHECK(reports[2].groups[0].count == 0);
  CHECK(reports[2].groups[0].wait == "");
  CHECK(reports[3].sites.empty());
}

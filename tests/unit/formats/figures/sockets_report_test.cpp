#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "formats/report/report.hpp"
#include "tests/unit/formats/incident_on_disk.hpp"

using namespace fdr;
using nlohmann::json;

namespace {

constexpr const char* kSockets =
    R"({"protocol": "tcp", "state": "established", "local": "10.0.0.1:40000", "remote": "10.0.0.2:80", "recv_q": 1101, "send_q": 443, "drops": 0, "rcvbuf": 131072, "inode": 9, "uid": 0, "pid": 100, "netns": 4026531840})"
    "\n"
    R"({"protocol": "udp", "state": "unconnected", "local": "[::1]:9000", "remote": null, "recv_q": 4000, "send_q": 0, "drops": 1200, "rcvbuf": 4608, "pid": null, "netns": 4026531840})"
    "\n"
    "{\"local\": \"cut off he\n"
    R"({"protocol": ["not", "text"], "local": "1.2.3.4:5", "remote": {}, "recv_q": -7, "drops": "many", "pid": -1})"
    "\n"
    R"({"left_out": 12, "problem": ""})"
    "\n";

struct WithSockets : incident::OnDisk {
  WithSockets() { add("system/at/sockets.ndjson", kSockets); }
};

}  // namespace

TEST_CASE("show sockets: a row for each, whatever a stranger wrote into the file") {
  const WithSockets bundle;
  const json rows = bundle.rows("sockets");
  REQUIRE(rows.size() == 3);  // the cut line costs itself, the last one is no socket
  CHECK(rows[0]["remote"] == "10.0.0.2:80");
  CHECK(rows[0]["recv_q"] == 1101);
  CHECK(rows[0]["send_q"] == 443);
  CHECK(rows[1]["remote"].is_null());
  CHECK(rows[1]["drops"] == 1200);
  CHECK(rows[1]["rcvbuf"] == 4608);
  for (const char* key : {"protocol", "remote", "recv_q", "drops", "pid", "process"}) CHECK(rows[2][key].is_null());
  ShowFilter filter;
  filter.pid = 100;
  CHECK(bundle.rows("sockets", filter).size() == 1);
  CHECK(show_text(bundle.made.bundle, bundle.made.names, "sockets", {}, {}).find("[::1]:9000") != std::string::npos);
}

TEST_CASE("show slab: the cache that grew most, though it was emptied since") {
  WithSockets bundle;
  Timeline& timeline = bundle.made.bundle.timeline;
  const Timestamp begin = timeline.metrics.front().points.front().time;
  const auto add = [&](const char* name, std::vector<double> values) {
    MetricSeries series{.name = name, .unit = Unit::kBytes, .kind = MetricKind::kGauge, .points = {}};
    for (std::size_t i = 0; i < values.size(); ++i) series.points.push_back({begin + std::chrono::seconds(i), values[i]});
    timeline.metrics.push_back(std::move(series));
  };
  add("host.slab.dentry", {100e6, 700e6, 900e6, 50e6});
  add("host.slab.inode_cache", {5e6, 4e6, 9e6, 9e6});
  const json rows = bundle.rows("slab");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0] == json{{"name", "dentry"}, {"bytes", 50e6}, {"most", 900e6}, {"growth", 800e6}, {"given_back", 850e6}});
  CHECK(rows[1]["growth"] == 5e6);
}

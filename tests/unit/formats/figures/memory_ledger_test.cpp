#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "formats/error.hpp"
#include "formats/figures/memory_ledger.hpp"
#include "formats/report/report.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
using incident::at;
using incident::contains;
using nlohmann::json;

namespace {

constexpr double kMB = 1 << 20;

void metric(Timeline& t, const char* name, double before, double after) {
  MetricSeries series{name, Unit::kBytes, MetricKind::kGauge, {}};
  for (int i = 0; i <= 65; ++i) series.points.push_back({at(-60 + i), i <= 60 ? before : after});
  t.metrics.push_back(series);
}

// In the second after the firing 300 MB vanish: 100 anonymous, 150 in slab, 10 of kernel stacks (which vmalloc counts too), 30
// that no figure has; shared memory, a part of the cache, took 10.
Bundle bundle() {
  Bundle made = incident::make().bundle;
  made.timeline.metrics.clear();
  for (const auto& [name, before, after] :
       {std::tuple{"host.mem.free", 900 * kMB, 600 * kMB}, {"host.mem.anon", 100 * kMB, 200 * kMB}, {"host.mem.slab", 50 * kMB, 200 * kMB},
        {"host.mem.cached", 300 * kMB, 310 * kMB}, {"host.mem.shared", 5 * kMB, 15 * kMB}, {"host.mem.kernel_stacks", 1 * kMB, 11 * kMB},
        {"host.mem.vmalloc", 20 * kMB, 30 * kMB}, {"host.slab.dentry", 40 * kMB, 180 * kMB}, {"host.slab.filp", 9 * kMB, 10 * kMB},
        {"process[haproxy].rss", 70 * kMB, 150 * kMB}, {"host.mem.sockets", 0.0, 2 * kMB}})
    metric(made.timeline, name, before, after);
  return made;
}

}  // namespace

TEST_CASE("memory ledger: each second balances, and what nothing explains is the remainder") {
  const Bundle made = bundle();
  const json rows = json::parse(show_json(made, {}, "memory-ledger", {}));
  REQUIRE(rows.size() == 65 + 1);
  for (const json& row : rows) {
    double sum = row.at("free").get<double>() + row.at("remainder").get<double>();
    for (const LedgerAccount& account : ledger_accounts())
      if (!row.at(account.key).is_null()) sum += row.at(account.key).get<double>();
    CHECK(std::abs(sum) < 1);
  }
  CHECK(rows[10].at("free") == 0);
  const json& jump = rows[60];
  CHECK(jump.at("at_s") == 0.0);
  CHECK(jump.at("free") == -300 * kMB);
  CHECK(jump.at("anon") == 100 * kMB);
  CHECK(jump.at("file") == 0);  // all that the cache grew by is shared memory
  CHECK(jump.at("shared") == 10 * kMB);
  CHECK(jump.at("slab") == 150 * kMB);
  CHECK(jump.at("kernel_stacks") == 10 * kMB);
  CHECK(jump.at("vmalloc") == 0);
  CHECK(jump.at("remainder") == 30 * kMB);
  CHECK(jump.at("sockets") == 2 * kMB);
  CHECK(jump.at("page_tables").is_null());
  CHECK(jump.at("slab_caches").at(0).at("name") == "dentry");
  CHECK(jump.at("movers").at(0).at("name") == "process[haproxy].rss");
  CHECK(rows.back().at("all") == true);
  CHECK(rows.back().at("free") == -300 * kMB);
  CHECK(rows.back().at("missing") == json({"page tables", "per CPU", "huge"}));
}

TEST_CASE("memory ledger: as a table, of a range, and where MemFree is not known") {
  Bundle made = bundle();
  const std::string text = show_text(made, {}, "memory-ledger", {}, {200, false});
  CHECK(contains(text, "dentry +140 MB, process[haproxy].rss +80 MB"));
  CHECK(contains(text, "-300 MB"));
  CHECK(contains(text, "not recorded: page tables, per CPU, huge"));
  ShowFilter filter;
  filter.from_s = -1.5;
  filter.to_s = 2;
  CHECK(json::parse(show_json(made, {}, "memory-ledger", filter)).size() == 3 + 1);
  made.timeline.metrics.erase(made.timeline.metrics.begin());
  CHECK(show_text(made, {}, "memory-ledger", {}, {}) == "none in this range\n");
}

TEST_CASE("show: a filter that a part cannot heed is an error that says which it can") {
  const auto made = incident::make();
  ShowFilter filter;
  filter.thread = 4242;
  try {
    show_json(made.bundle, made.names, "processes", filter);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "--thread does not apply to processes");
    CHECK(error.hint() == "what does: --pid, --from, --to");
  }
  filter = {};
  filter.to_s = 1;
  CHECK_THROWS_AS(show_text(made.bundle, made.names, "rings", filter, {}), Error);
  CHECK_NOTHROW(show_text(made.bundle, made.names, "stalls", filter, {}));
}

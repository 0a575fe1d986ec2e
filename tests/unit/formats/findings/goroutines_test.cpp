// Findings on Go programs: goroutines that stay, and who keeps the memory.
#include <doctest/doctest.h>

#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;

namespace {

constexpr double kMB = 1048576;

Case go_program() {
  Case c;
  c.manifest.files["process/100/goroutines.json"] = "";
  c.manifest.files["process/100/heap.json"] = "";
  c.texts["process/100/goroutines.json"] = R"json({"version": "go1.19", "problem": "", "goroutines": 120, "at_start": 6, "rows": [
      {"count": 114, "wait": "chan send", "function": "main.(*Peer).gossip", "place": "/src/peer.go:90", "created_by": "main.serve", "system": false},
      {"count": 500, "wait": "idle", "function": "runtime.gopark", "place": "", "system": true}]})json";
  c.texts["process/100/heap.json"] = R"json({"version": "go1.19", "problem": "", "rows": [
      {"function": "main.newState", "place": "/src/peer.go:37", "in_use_bytes": 73400320, "grown_bytes": 62914560,
       "alloc_bytes": 83886080, "alloc_since_start_bytes": 62914560},
      {"function": "main.propose", "place": "/src/consensus.go:33", "in_use_bytes": 2097152, "grown_bytes": -1048576,
       "alloc_bytes": 9000000000, "alloc_since_start_bytes": 6000000000}]})json";
  return c;
}

}  // namespace

TEST_CASE("goroutines: that stay, with place and what they wait for; a steady number is ruled out") {
  Case c = go_program();
  c.metric("process.goroutines", [](double t) { return t < kOnset ? 6.0 : 6 + 16 * (t - kOnset); });
  const Finding finding = c.judged(find_goroutines, "goroutines");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "main.(*Peer).gossip"));
  CHECK(contains(finding.evidence, "peer.go:90"));
  CHECK(contains(finding.evidence, "chan send"));
  CHECK(contains(finding.evidence, "114"));
  Case steady = go_program();
  steady.metric("process.goroutines", 120, 121);
  CHECK(is_against(steady.judged(find_goroutines, "goroutines")));
  CHECK(is_open(Case().judged(find_goroutines, "goroutines")));
}

TEST_CASE("memory growth: of a Go program the site that keeps, never the one that allocates most") {
  Case c = go_program();
  for (const char* name : {"process.anon", "process.rss"})
    c.metric(name, [](double t) { return (64 + (t > kOnset ? 8 * (t - kOnset) : 0)) * kMB; }, Unit::kBytes);
  const Finding growth = c.judged(find_growth, "memory-growth");
  CAPTURE(growth.evidence);
  REQUIRE(is_for(growth));
  CHECK(contains(growth.evidence, "main.newState at /src/peer.go:37"));
  CHECK_FALSE(contains(growth.evidence, "main.propose"));
  const Finding churn = c.judged(find_goroutines, "churn");
  CHECK(is_against(churn));
  CHECK(contains(churn.evidence, "main.propose"));
  Case keeps = go_program();
  keeps.texts["process/100/heap.json"] = R"json({"rows": [{"function": "main.newState", "in_use_bytes": 73400320, "grown_bytes": 62914560,
      "alloc_bytes": 83886080, "alloc_since_start_bytes": 62914560}]})json";
  CHECK(is_open(keeps.judged(find_goroutines, "churn")));
  CHECK(is_open(Case().judged(find_goroutines, "churn")));
}

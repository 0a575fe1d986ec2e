// Findings on what else there was: what started, how targets ended, the recorder itself; and all of them together.
#include <doctest/doctest.h>

#include <set>

#include "formats/findings/findings.hpp"
#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;

TEST_CASE("started: what began within ten seconds, the seldom first, and marks; older starts are not told") {
  Case c;
  Process cron = incident::process(300, "cron-job", "", {"job"});
  cron.started = at(kOnset - 4);
  Process old = incident::process(301, "old-job", "", {"old"});
  old.started = at(kOnset - 15);
  c.timeline.processes.insert(c.timeline.processes.end(), {cron, old});
  const Finding finding = c.judged(find_started, "started");
  REQUIRE(is_for(finding));
  CHECK(finding.score < 0.3);  // being there is no guilt
  CHECK(contains(finding.evidence, "cron-job -4.000 s"));
  CHECK_FALSE(contains(finding.evidence, "old-job"));
  c.timeline.life.push_back({at(kOnset - 1), LifeKind::kMark, kNoIndex, "deploy v2", 0});
  CHECK(contains(c.judged(find_started, "started").evidence, "deploy v2"));
  CHECK(is_against(Case().judged(find_started, "started")));
}

TEST_CASE("started: a script is one thing, with the tools it ran") {
  Case c;
  Process script = incident::process(400, "nightly", "", {"nightly"}), tool = incident::process(401, "seq", "", {"seq"});
  script.started = at(kOnset - 2);
  tool.started = at(kOnset - 1.5);
  tool.parent = 400;
  Process beat = incident::process(402, "beat", "", {"beat"}), again = incident::process(403, "beat", "", {"beat"});
  beat.started = at(kOnset - 3);
  again.started = at(kOnset - 1);
  c.timeline.processes.insert(c.timeline.processes.end(), {beat, script, tool, again});
  const Finding finding = c.judged(find_started, "started");
  CAPTURE(finding.evidence);
  CHECK(contains(finding.title, "nightly"));
  CHECK(contains(finding.evidence, "nightly (ran seq) -2.000 s"));
  CHECK(contains(finding.evidence, "beat x2, first -3.000 s"));
}

TEST_CASE("started: processes that are each other's parents began nothing") {
  Case c;
  for (int i = 0; i < 3; ++i) {
    Process process = incident::process(500 + i, i == 0 ? "a" : i == 1 ? "b" : "c", "", {"x"});
    process.parent = 500 + (i + 1) % 3;
    process.started = at(kOnset - 1);
    c.timeline.processes.push_back(process);
  }
  CHECK(is_against(c.judged(find_started, "started")));
}

TEST_CASE("ended: a target that was killed; one that exits well is nothing") {
  Case c, well;
  for (Case* one : {&c, &well}) one->timeline.processes[0].ended = at(0);
  c.timeline.processes[0].wait_status = 11;
  well.timeline.processes[0].wait_status = 0;
  const Finding finding = c.judged(find_started, "ended");
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "SIGSEGV"));
  CHECK(is_against(well.judged(find_started, "ended")));
  well.timeline.processes[0].wait_status = 15;  // asked to end
  CHECK(is_against(well.judged(find_started, "ended")));
  well.timeline.processes[0].wait_status = 1 << 8;  // no rule asked about exits
  CHECK(is_against(well.judged(find_started, "ended")));
  well.manifest.trigger.when = "exit.code != 0";
  CHECK(is_for(well.judged(find_started, "ended")));
}

TEST_CASE("recorder: broken stacks and a ring that misses the onset are said; small cost is ruled out") {
  Case good, broken, late;
  for (Case* c : {&good, &broken, &late}) c->metric("recorder.cpu", 1, 2, Unit::kPercent);
  good.manifest.stacks = {1000, 990, {}, 0};
  CHECK(is_against(good.judged(find_recorder, "recorder")));
  broken.manifest.stacks = {1000, 300, {}, 0};
  CHECK(is_for(broken.judged(find_recorder, "recorder")));
  late.manifest.rings["stalls"] = {60, 2, 10, 10, 0, 0, 0, 0};
  CHECK(is_for(late.judged(find_recorder, "recorder")));
  CHECK(is_open(Case().judged(find_recorder, "recorder")));
  broken.make_manual();
  CHECK(is_open(broken.judged(find_recorder, "recorder")));
}

TEST_CASE("findings: a healthy process that was dumped by hand is accused of nothing") {
  Case c;
  c.make_manual();
  c.metric("process.cpu.user", 95, 95, Unit::kPercent);
  c.metric("process.cpu.system", 60, 60, Unit::kPercent);
  c.metric("process.cpu.demand", 170, 170, Unit::kPercent);
  c.metric("process.cpu.total", 100, 100, Unit::kPercent);
  c.metric("process.rss", [](double t) { return 1e8 + 1e7 * (t - kBegin); }, Unit::kBytes);
  c.metric("process.fds", 900, 900);
  c.counter("host.net.udp.rcvbuf_errors", 500, 500);
  c.counter("host.net.tcp.retransmits", 500, 500);
  c.samples(0, {"main", "compute"}, kBegin, kEnd, 99);
  c.sums("clock_gettime", 5000, 5000);
  c.calls(0, "clock_gettime", kBegin, kEnd, 10);
  c.stall(StallKind::kReclaim, 0, -3, 1);
  c.stall(StallKind::kUninterruptible, 0, -3, 1);
  c.stall(StallKind::kBlocked, 0, -3, 1);
  const View view(c.manifest, c.timeline, c.names);
  for (const Finding& finding : judge(view, {}).findings) {
    CAPTURE(finding.id);
    CAPTURE(finding.evidence);
    CHECK(finding.verdict != Verdict::kFor);
  }
}

TEST_CASE("findings: ids are unique, what is for comes first and by score, an empty bundle is judged too") {
  auto made = incident::make();
  const View view(made.bundle.manifest, made.bundle.timeline, made.names);
  const Findings findings = judge(view, {}).findings;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    CHECK(ids.insert(findings[i].id).second);
    if (i == 0) continue;
    CHECK(findings[i - 1].verdict <= findings[i].verdict);
    if (findings[i].verdict == Verdict::kFor) CHECK(findings[i - 1].score >= findings[i].score);
  }
  CHECK(findings.size() > 25);
  const Bundle empty;
  const FrameNames none;
  const View nothing(empty.manifest, empty.timeline, none);
  for (const Finding& finding : judge(nothing, texts_of(empty)).findings) CHECK(finding.verdict != Verdict::kFor);
}

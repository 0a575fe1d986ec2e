// Findings on threads that do not get on: run queue, steal, throttling, disk, blocked and slow calls, heartbeats.
#include <doctest/doctest.h>

#include "formats/findings/findings.hpp"
#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;
using namespace std::chrono_literals;

TEST_CASE("run queue: waiting for a CPU speaks, and names who had it; a short queue is ruled out") {
  Case c;
  c.metric("process.cpu.demand", 20, 130, Unit::kPercent);
  c.metric("process.cpu.total", 18, 55, Unit::kPercent);
  c.samples(0, {"main"}, kBegin, kEnd, 50);
  c.samples(2, {"burn"}, kOnset, kEnd, 49);
  c.stall(StallKind::kRunnable, 1, 0, 0.08);
  const Finding finding = c.judged(find_starvation, "run-queue");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "other 200"));
  CHECK(contains(finding.evidence, "worker 101"));
  Case quiet;
  quiet.metric("process.cpu.demand", 20, 98, Unit::kPercent);
  quiet.metric("process.cpu.total", 18, 95, Unit::kPercent);
  CHECK(is_against(quiet.judged(find_starvation, "run-queue")));
  CHECK(is_open(Case().judged(find_starvation, "run-queue")));
}

TEST_CASE("steal: judged by the kernel's figure") {
  Case stolen, none;
  stolen.metric("host.cpu.steal", 1, 30, Unit::kPercent);
  none.metric("host.cpu.steal", 0, 0.3, Unit::kPercent);
  CHECK(is_for(stolen.judged(find_starvation, "steal")));
  const Finding ruled_out = none.judged(find_starvation, "steal");
  CHECK(is_against(ruled_out));
  CHECK(contains(ruled_out.evidence, "0.3 %"));
  Case manual = stolen;
  manual.make_manual();
  CHECK_FALSE(is_for(manual.judged(find_starvation, "steal")));
}

TEST_CASE("throttling: by the group's own metric, open without it") {
  Case held, free;
  held.metric("cgroup.throttled", 0, 55, Unit::kPercent);
  held.metric("cgroup.cpu.limit", 40, 40, Unit::kPercent);
  held.texts["process/100/at/cgroup.txt"] = "4:memory:/box/m\n1:cpu,cpuacct:/box/c\n0::/u\n";
  free.metric("cgroup.throttled", 0, 0, Unit::kPercent);
  const Finding finding = held.judged(find_starvation, "throttling");
  CHECK(is_for(finding));
  CHECK(contains(finding.evidence, "its group is /box/c"));
  CHECK(contains(finding.evidence, "quota 40 % of one CPU"));
  CHECK(is_against(free.judged(find_starvation, "throttling")));
  CHECK(is_open(Case().judged(find_starvation, "throttling")));
}

TEST_CASE("disk: uninterruptible targets speak, an idle disk is ruled out") {
  Case waits, idle;
  waits.metric("host.cpu.iowait", 0, 30, Unit::kPercent);
  waits.metric("host.disk.busy", 3, 99, Unit::kPercent);
  waits.metric("host.disk.wait", 0.001, 0.4, Unit::kSeconds);
  waits.stall(StallKind::kUninterruptible, 1, -1, 3.7).syscall = incident::number("fsync");
  const Finding finding = waits.judged(find_stalls, "disk");
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "worker 101 in fsync"));
  CHECK(contains(finding.evidence, "busiest disk 3.0 % before, 99.0 % since"));
  CHECK(contains(finding.evidence, "a request took 400 ms"));
  idle.metric("host.cpu.iowait", 0, 0.1, Unit::kPercent);
  CHECK(is_against(idle.judged(find_stalls, "disk")));
  CHECK(is_open(Case().judged(find_stalls, "disk")));
}

TEST_CASE("blocked: longer than ever before speaks; as long as always does not") {
  Case c, usual;
  c.stall(StallKind::kBlocked, 0, -20, 0.01);
  c.stall(StallKind::kBlocked, 0, 0, 0.9, c.stack({"main", "ask_peer"}));
  const Finding finding = c.judged(find_stalls, "blocked");
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "ask_peer"));
  usual.stall(StallKind::kBlocked, 0, -20, 0.9);
  usual.stall(StallKind::kBlocked, 0, 0, 0.9);
  CHECK_FALSE(is_for(usual.judged(find_stalls, "blocked")));
}

TEST_CASE("slow calls: a file that was quick before") {
  Case c;
  const auto slow = [&](double begin, Duration wall) {
    c.timeline.slow.push_back({incident::call(begin, 0, "fsync", wall, 0), {}, "/var/log/x", kNoStack, WalkEnd::kNotWalked});
  };
  slow(-20, 15ms);
  slow(-1, 2s);
  const Finding finding = c.judged(find_stalls, "slow-calls");
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "fsync /var/log/x"));
  CHECK(is_against(Case().judged(find_stalls, "slow-calls")));
}

TEST_CASE("heartbeat: two that stayed out together are both named; a regular one is ruled out") {
  Case c;
  const auto beat = [](double t) { return t < -0.9 ? 0.2 : t < 3 ? t + 1.3 : 0.2; };
  c.metric("beat.peer1.age", beat, Unit::kSeconds);
  c.metric("beat.peer2.age", beat, Unit::kSeconds);
  const Finding finding = c.judged(find_heartbeats, "heartbeat");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "peer1"));
  CHECK(contains(finding.evidence, "peer2"));
  Case well;
  well.metric("beat.peer1.age", 0.2, 0.3, Unit::kSeconds);
  CHECK(is_against(well.judged(find_heartbeats, "heartbeat")));
  CHECK(is_open(Case().judged(find_heartbeats, "heartbeat")));
}

TEST_CASE("heartbeat: the canaries say whether the host stood still, programs were not run, or only the sender was silent") {
  const auto judged = [](double still, double cpus, double late) {
    Case c;
    c.manifest.host.cpus = 2;
    c.metric("beat.peer.age", [](double t) { return t < -0.9 ? 0.2 : t < 3 ? t + 1.3 : 0.2; }, Unit::kSeconds);
    c.metric("host.standstill", [=](double t) { return t > 2 && t < 4 ? still : 0.001; }, Unit::kSeconds);
    c.metric("host.standstill.cpus", [=](double t) { return t > 2 && t < 4 ? cpus : 0; });
    c.metric("recorder.lateness", [=](double t) { return t > 2.9 && t < 3.1 ? late : 0.001; }, Unit::kSeconds);
    return c.judged(find_heartbeats, "heartbeat").evidence;
  };
  CHECK(contains(judged(0.001, 0, 0.002), "the host ran, the sender did not send"));
  CHECK(contains(judged(3, 2, 3), "2 of 2 CPUs gave no clock tick for up to 3.00 s meanwhile: the host stood still"));
  CHECK(contains(judged(3, 1, 0.1), "1 of 2 CPUs"));
  CHECK(contains(judged(0.002, 0, 3), "programs were not run, not only the sender"));
}

TEST_CASE("throttling: threads that left their CPU for a quota prove it, whatever the metric says; a moment of it does not") {
  Case held, touched;
  held.metric("cgroup.throttled", 0, 0, Unit::kPercent);
  for (double t = kOnset; t < kEnd; t += 0.1) held.stall(StallKind::kThrottled, 0, t, 0.075);
  held.texts["process/100/at/cgroup.txt"] = "1:cpu,cpuacct:/box/c\n";
  const Finding finding = held.judged(find_starvation, "throttling");
  CAPTURE(finding.evidence);
  CHECK(is_for(finding));
  CHECK(contains(finding.evidence, "longest 75.0 ms"));
  CHECK(contains(finding.evidence, "its group is /box/c"));
  CHECK_FALSE(is_for(held.judged(find_starvation, "run-queue")));
  touched.stall(StallKind::kThrottled, 0, kOnset + 1, 0.005);
  CHECK(is_against(touched.judged(find_starvation, "throttling")));
}

TEST_CASE("throttling: without the group's figures, being held back beside idle CPUs proves it, beside busy ones nothing") {
  Case c;
  c.metric("host.cpu.busy", 20, 40, Unit::kPercent);
  c.manifest.host.cpus = 4;
  c.texts["process/100/at/status.txt"] = "Name:\tserver\nCpus_allowed_list:\t0-3\n";
  for (double t = kOnset; t < kEnd; t += 0.1) c.stall(StallKind::kRunnable, 0, t, 0.075);
  const Finding finding = c.judged(find_starvation, "throttling");
  CAPTURE(finding.evidence);
  CHECK(is_for(finding));
  Case bound = c;
  bound.texts["process/100/at/status.txt"] = "Name:\tserver\nCpus_allowed_list:\t2\n";
  CHECK(is_open(bound.judged(find_starvation, "throttling")));
  Case crowded = c;
  crowded.timeline.metrics.clear();
  crowded.metric("host.cpu.busy", 20, 99, Unit::kPercent);
  CHECK(is_open(crowded.judged(find_starvation, "throttling")));
}

TEST_CASE("room: what a bundle was written without is not ruled out for want of it") {
  Case c;
  const auto verdict = [&] {
    const View view(c.manifest, c.timeline, c.names);
    for (const Finding& finding : all_findings(Evidence(view, c.onset, {})))
      if (finding.id == "slow-calls") return finding.verdict;
    return Verdict::kFor;
  };
  CHECK(verdict() == Verdict::kAgainst);
  c.manifest.written.left_out = {"syscalls"};
  CHECK(verdict() == Verdict::kAgainst);
  c.manifest.written.left_out = {"syscalls", "slow"};
  CHECK(verdict() == Verdict::kNotMeasurable);
  c.manifest.written.left_out = {"metrics"};
  CHECK(verdict() == Verdict::kNotMeasurable);
}

TEST_CASE("backend: what it does not record is not ruled out") {
  Case c;
  const auto verdict = [&] {
    const View view(c.manifest, c.timeline, c.names);
    for (const Finding& finding : all_findings(Evidence(view, c.onset, {})))
      if (finding.id == "slow-calls") return finding;
    return Finding{};
  };
  c.manifest.backend = "bpf";  // rings that are not there are those of an old bundle
  CHECK(is_against(verdict()));
  c.manifest.backend = "proc";
  c.manifest.rings["slow"] = {};
  CHECK(is_against(verdict()));
  c.manifest.rings.erase("slow");
  CHECK(is_open(verdict()));
  CHECK(contains(verdict().evidence, "proc"));
}

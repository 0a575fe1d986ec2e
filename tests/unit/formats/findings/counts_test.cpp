// Findings on what is counted: descriptors, threads, plateaus, limits, floods of calls, clocks, failing calls.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;

TEST_CASE("descriptors: that pile up, by kind; a few more are nothing") {
  Case c, few;
  c.metric("process.fds", [](double t) { return t < kOnset ? 23.0 : 23 + std::floor(30 * (t - kOnset)); });
  c.texts["process/100/at/fds.txt"] = "0 /dev/null\n1 pipe:[7]\n2 socket:[8]\n3 socket:[9]\n4 anon_inode:[eventpoll]\n... and 3 more\n";
  const Finding finding = c.judged(find_descriptors, "descriptors");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "socket 2"));
  few.metric("process.fds", 23, 25);
  CHECK(is_against(few.judged(find_descriptors, "descriptors")));
  Case back;  // opened and closed again
  back.metric("process.fds", [](double t) { return t > 0 && t < 1 ? 200.0 : 23.0; });
  CHECK_FALSE(is_for(back.judged(find_descriptors, "descriptors")));
  CHECK(is_open(Case().judged(find_descriptors, "threads")));
}

TEST_CASE("plateau: a rise that stops at exactly one number; one that goes on, and one that stood always, are none") {
  Case c, rising, flat;
  c.metric("process.fds", [](double t) { return t < kOnset ? 20.0 : std::min(276.0, 20 + std::floor(100 * (t - kOnset))); });
  const Finding finding = c.judged(find_descriptors, "plateau");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "exactly 276"));
  rising.metric("process.fds", [](double t) { return t < kOnset ? 20.0 : 20 + std::floor(30 * (t - kOnset)); });
  CHECK(is_against(rising.judged(find_descriptors, "plateau")));
  flat.metric("process.fds", 256, 256);
  CHECK(is_against(flat.judged(find_descriptors, "plateau")));
  Case beside;  // one connection of another kind goes while those with a limit stand, and a count that rose less stands too
  beside.metric("process.sockets.established", [](double t) { return t < kOnset ? 1.0 : std::min(t > kOnset + 4 ? 256.0 : 257.0, 1 + std::floor(200 * (t - kOnset))); });
  beside.metric("process.sockets.unsent", [](double t) { return t < kOnset ? 1.0 : std::min(251.0, 1 + std::floor(200 * (t - kOnset))); });
  const Finding of_two = beside.judged(find_descriptors, "plateau");
  CAPTURE(of_two.evidence);
  REQUIRE(is_for(of_two));
  CHECK(contains(of_two.title, "established stops at exactly 256"));
  CHECK(contains(of_two.evidence, "unsent at 251"));
}

TEST_CASE("limits: nine tenths of the descriptors speak, a tenth does not") {
  Case near, far;
  std::string fds;
  for (int i = 0; i < 60; ++i) fds += std::to_string(i) + " socket:[1]\n";
  for (Case* c : {&near, &far}) c->texts["process/100/at/fds.txt"] = fds;
  near.texts["process/100/at/limits.txt"] = "Limit   Soft Limit  Hard Limit  Units\nMax open files            64                   20000                files     \n";
  far.texts["process/100/at/limits.txt"] = "Max open files            1024                   20000                files     \n";
  const Finding finding = near.judged(find_descriptors, "limits");
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "60 of 64"));
  CHECK(is_against(far.judged(find_descriptors, "limits")));
  far.texts["process/100/at/limits.txt"] = "Max open files            unlimited            unlimited            files     \n";
  CHECK(is_open(far.judged(find_descriptors, "limits")));
}

TEST_CASE("call flood: which call, from what rate to what; steady traffic is ruled out") {
  Case c, steady;
  c.sums("sendto", 100, 100);
  c.sums("futex", 100, 5000);
  const Finding finding = c.judged(find_floods, "call-flood");
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "futex"));
  steady.sums("sendto", 5000, 5100);
  CHECK(is_against(steady.judged(find_floods, "call-flood")));
  CHECK(is_open(Case().judged(find_floods, "call-flood")));
}

TEST_CASE("clock calls: those the vDSO should spare speak; clocks of CPU time always enter the kernel") {
  Case c, cpu_time;
  for (Case* one : {&c, &cpu_time}) {
    one->sums("clock_gettime", 3000, 3000);
    one->sums("read", 1000, 1000);
  }
  c.calls(0, "clock_gettime", kBegin, kEnd, 50, 0, 1);
  const Finding finding = c.judged(find_floods, "clock-calls");
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "clock_gettime"));
  CHECK(contains(finding.evidence, "75 %"));
  cpu_time.calls(0, "clock_gettime", kBegin, kEnd, 50, 0, 3);
  CHECK(is_against(cpu_time.judged(find_floods, "clock-calls")));
  Case unkept;
  unkept.sums("clock_gettime", 3000, 3000);
  CHECK(is_open(unkept.judged(find_floods, "clock-calls")));
  c.make_manual();
  CHECK_FALSE(is_for(c.judged(find_floods, "clock-calls")));
}

TEST_CASE("failing calls: new ones at the onset, and bursts, by program and directory; the usual ones are ruled out") {
  const auto fail = [](Case& c, std::uint32_t thread, double t, const char* name, int error, const std::string& path) {
    c.timeline.failed.push_back({incident::call(t, thread, name, Duration{3000}, -error), {}, path, kNoStack, WalkEnd::kNotWalked});
  };
  Case refused;
  for (int i = 0; i < 3; ++i) fail(refused, 0, kOnset - 0.5 + 0.1 * i, "connect", 111, "tcp 10.0.0.1:80 from port 0");
  const Finding at_onset = refused.judged(find_errors, "failing-calls");
  CAPTURE(at_onset.evidence);
  REQUIRE(is_for(at_onset));
  CHECK(contains(at_onset.title, "connect ECONNREFUSED"));
  CHECK(contains(at_onset.evidence, "10.0.0.1:80"));

  refused.manifest.rings["failed"] = {60, 60, 1000, 1000, 0, 400, 0, 0};
  CHECK_FALSE(is_for(refused.judged(find_errors, "failing-calls")));  // it may have failed before

  Case probing;
  for (int i = 0; i < 200; ++i) fail(probing, 2, kOnset + 0.02 * i, "openat", 2, "/etc/pki/db/.name" + std::to_string(i));
  const Finding burst = probing.judged(find_errors, "failing-calls");
  REQUIRE(is_for(burst));
  CHECK(contains(burst.title, "other openat ENOENT"));
  CHECK(contains(burst.evidence, "/etc/pki/db/"));
  CHECK(contains(burst.evidence, "200 names"));

  Case usual;
  for (double t = kBegin; t < kEnd; t += 0.5) fail(usual, 0, t, "openat", 2, "/etc/optional.conf");
  CHECK(is_against(usual.judged(find_errors, "failing-calls")));
  probing.make_manual();
  CHECK(is_open(probing.judged(find_errors, "failing-calls")));
}

TEST_CASE("sockets: many connections to one peer with the same bytes unread; a few, and those of others, are nothing") {
  const auto list = [](int count, const char* pid) {
    std::string text;
    for (int i = 0; i < count; ++i)
      text += R"({"protocol": "tcp", "state": "established", "local": "127.0.0.1:40000", "remote": "198.0.0.10:8080", "recv_q": 1101, "send_q": 443, "pid": )" +
              std::string(pid) + "}\n";
    return text + R"({"protocol": "tcp", "state": "listen", "local": "127.0.0.1:80", "remote": null, "recv_q": 0, "send_q": 128, "pid": 100})" + "\n";
  };
  Case c, few, others, rising;
  c.metric("process.sockets", [](double t) { return t < kOnset ? 12.0 : std::min(52.0, 12 + std::floor(20 * (t - kOnset))); });
  rising = c;
  c.texts["system/before/sockets.ndjson"] = list(3, "100");
  c.texts["system/at/sockets.ndjson"] = list(40, "100");
  c.texts["system/after/sockets.ndjson"] = list(40, "100");
  const Finding finding = c.judged(find_sockets, "sockets");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "198.0.0.10:8080"));
  CHECK(contains(finding.title, "unread"));
  CHECK(contains(finding.evidence, "it stands at exactly 40, 3 before"));
  CHECK(contains(finding.evidence, "receive queue 1101 and send queue 443 bytes on 40"));
  // The end of a long episode has no list of after; the one of before is of the episode already.
  Case ended = c;
  ended.texts["system/before/sockets.ndjson"] = list(40, "100");
  ended.texts.erase("system/after/sockets.ndjson");
  CHECK(contains(ended.judged(find_sockets, "sockets").evidence, "before and at the firing: it stands at exactly 40;"));
  // A number that still rises stands at nothing.
  rising.texts["system/at/sockets.ndjson"] = list(33, "100");
  rising.texts["system/after/sockets.ndjson"] = list(51, "100");
  const Finding more = rising.judged(find_sockets, "sockets");
  CAPTURE(more.evidence);
  REQUIRE(is_for(more));
  CHECK(contains(more.evidence, "51 connections to 198.0.0.10:8080 at the end, 33 at the firing"));
  CHECK_FALSE(contains(more.evidence, "exactly"));
  few.texts["system/at/sockets.ndjson"] = list(3, "100");
  CHECK(is_against(few.judged(find_sockets, "sockets")));
  others.texts["system/at/sockets.ndjson"] = list(40, "null");  // of the namespace, and of no target
  CHECK(is_against(others.judged(find_sockets, "sockets")));
  Case always = c;
  always.timeline.metrics.clear();
  always.metric("process.sockets", 52, 52);
  CHECK(is_open(always.judged(find_sockets, "sockets")));
  CHECK(is_open(Case().judged(find_sockets, "sockets")));
}

// Programs outside the targets: each theory with the case where it must speak and those where it must not.
#include <doctest/doctest.h>

#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;

namespace {

FailedSum probing(std::uint64_t calls, std::uint64_t distinct) {
  FailedSum sum;
  sum.process = "curl";
  sum.pid = 4711;
  sum.ancestors = {"xargs", "check-backends"};
  sum.number = incident::number("access");
  sum.error = 2;
  sum.directory = "/var/lib/pki/nssdb/";
  sum.example = "/var/lib/pki/nssdb/.17_missing\x1b.db";
  sum.calls = calls;
  sum.distinct = distinct;
  sum.first = at(kBegin);
  sum.last = at(kEnd);
  return sum;
}

struct Recorded : Case {
  Recorded() { manifest.rings["bystanders"] = {60, 37, 1000, 1000, 0, 0, 0, 0}; }
};

void dentries(Case& c, double rise) {
  c.metric("host.dentries", [=](double t) { return 1e5 + rise * (t - kBegin) / (kEnd - kBegin); });
}

}  // namespace

TEST_CASE("lookups: who fills the dentries is named, with directory, figures and on whose behalf") {
  Recorded c;
  c.timeline.failing = {probing(500'000, 480'000)};
  dentries(c, 600'000);
  const Finding f = c.judged(find_bystanders, "lookups");
  REQUIRE(is_for(f));
  CHECK(contains(f.title, "curl"));
  CHECK(contains(f.evidence, "outside the targets"));
  CHECK(contains(f.evidence, "500 000 times ENOENT in /var/lib/pki/nssdb/"));
  CHECK(contains(f.evidence, "nearly all distinct, about 480 000 names"));
  CHECK(contains(f.evidence, "started by xargs < check-backends"));
  CHECK(f.evidence.find('\x1b') == std::string::npos);
}

TEST_CASE("lookups: few names, names asked for again, or dentries that stay are no cause") {
  {
    Recorded c;
    c.timeline.failing = {probing(5'000, 300)};
    dentries(c, 600'000);
    CHECK(is_against(c.judged(find_bystanders, "lookups")));
  }
  {
    Recorded c;
    c.timeline.failing = {probing(500'000, 2'000)};
    dentries(c, 600'000);
    CHECK(is_open(c.judged(find_bystanders, "lookups")));
  }
  {
    Recorded c;
    c.timeline.failing = {probing(500'000, 480'000)};
    dentries(c, 0);
    CHECK(is_open(c.judged(find_bystanders, "lookups")));
  }
  {
    Recorded c;
    c.timeline.failing = {probing(500'000, 480'000)};
    dentries(c, 600'000);
    c.make_manual();
    CHECK(is_open(c.judged(find_bystanders, "lookups")));
  }
  CHECK(is_against(Recorded().judged(find_bystanders, "lookups")));
  CHECK(is_open(Case().judged(find_bystanders, "lookups")));  // the tier was off
}

TEST_CASE("other programs: the one that came with the trouble is named, with its pid and its parent") {
  Recorded c;
  c.metric("bystander[neighbour].cpu.total", 0, 55);
  c.metric("bystander[neighbour].cpu.system", 0, 50);
  c.metric("process.cpu.demand", 100, 100);
  c.metric("process.cpu.total", 99, 45);
  Process neighbour = incident::process(4711, "neighbour", "", {"/n"});
  neighbour.parent = 200;
  neighbour.started = at(-1.5);
  c.timeline.processes.push_back(neighbour);
  const Finding f = c.judged(find_bystanders, "other-programs");
  REQUIRE(is_for(f));
  CHECK(contains(f.evidence, "neighbour 4711, child of other 200, began +0.500 s from the onset"));
  CHECK(contains(f.evidence, "system time in the kernel"));
  CHECK(f.score > 0.6);  // the targets went without
}

TEST_CASE("other programs: as busy as before, or hardly, is no cause") {
  Recorded before;
  before.metric("bystander[make].cpu.total", 90, 95);
  CHECK(is_open(before.judged(find_bystanders, "other-programs")));
  Recorded hardly;
  hardly.metric("bystander[cron].cpu.total", 0, 12);
  CHECK(is_against(hardly.judged(find_bystanders, "other-programs")));
  CHECK(is_against(Recorded().judged(find_bystanders, "other-programs")));
  CHECK(is_open(Case().judged(find_bystanders, "other-programs")));
}

TEST_CASE("heartbeats by peer: all of them at once is the sender, one alone is a link") {
  const auto age = [](double since) { return [=](double t) { return t < since ? 0.3 : t - since; }; };
  const auto judged = [&](double second) {
    Case c;
    c.manifest.trigger.when = "beat.bfd.age > 1.2s";
    c.metric("beat.bfd.age", age(kOnset), Unit::kSeconds);
    c.metric("beat.bfd[10.0.0.1:3784].age", age(kOnset), Unit::kSeconds);
    c.metric("beat.bfd[10.0.0.2:3784].age", second > 0 ? std::function<double(double)>(age(1e9)) : age(kOnset), Unit::kSeconds);
    return c.judged(find_heartbeats, "heartbeat");
  };
  const Finding both = judged(0);
  REQUIRE(is_for(both));
  CHECK(contains(both.title, "bfd to 2 peers"));
  CHECK(contains(both.evidence, "10.0.0.1:3784"));
  CHECK(contains(both.evidence, "10.0.0.2:3784"));
  CHECK(contains(both.evidence, "the sender stood still, not a link"));
  const Finding one = judged(1);
  REQUIRE(is_for(one));
  CHECK(contains(one.evidence, "10.0.0.1:3784"));
  CHECK_FALSE(contains(one.evidence, "10.0.0.2:3784"));
  CHECK_FALSE(contains(one.evidence, "not a link"));
}

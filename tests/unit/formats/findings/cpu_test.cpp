// Findings on where CPU time goes: spin, lock, kernel, user, collector.
#include <doctest/doctest.h>

#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;

namespace {

const std::vector<std::string> kLoop = {"thread_main", "reconnect", "backoff_wait"};

Case spinning() {
  Case c;
  c.samples(1, {"thread_main", "work"}, kBegin, kOnset, 2);
  c.calls(1, "futex", kBegin, kOnset, 20);
  c.samples(1, kLoop, kOnset, kEnd, 80);
  c.samples(1, {"thread_main", "reconnect", "backoff_wait", "timedwait"}, kOnset, kEnd, 19);
  return c;
}

}  // namespace

TEST_CASE("spin: a thread without a call and without sleep is named, with its loop") {
  const Finding finding = spinning().judged(find_spin, "spin");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "worker 101"));
  CHECK(contains(finding.title, "backoff_wait"));
  CHECK(contains(finding.evidence, "0 system calls"));
  CHECK(contains(finding.evidence, "backoff_wait < reconnect < thread_main"));
  CHECK(contains(finding.more, "--thread 101"));
  const Finding lock = spinning().judged(find_spin, "lock");
  CHECK(is_against(lock));
  CHECK(contains(lock.evidence, "0 futex calls"));
}

TEST_CASE("spin: one call a second, or sleep in between, is no spin") {
  Case calls = spinning();
  calls.calls(1, "write", kOnset, kEnd, 1);
  CHECK(is_against(calls.judged(find_spin, "spin")));
  Case sleeps = spinning();
  sleeps.stall(StallKind::kWait, 1, 0, 1);
  CHECK(is_against(sleeps.judged(find_spin, "spin")));
}

TEST_CASE("spin: a starved spinner is still one, an idle target is none") {
  Case starved;
  starved.samples(1, kLoop, kOnset, kEnd, 60);
  for (double t = kOnset; t < kEnd; t += 0.1) starved.stall(StallKind::kRunnable, 1, t, 0.04);
  CHECK(is_for(starved.judged(find_spin, "spin")));
  CHECK(is_open(Case().judged(find_spin, "spin")));
}

TEST_CASE("spin: nothing is said of calls that were not kept, nor of a dump that was asked for") {
  Case lost = spinning();
  lost.manifest.rings["syscalls"].obtained_s = 0;
  CHECK(is_open(lost.judged(find_spin, "spin")));
  lost.manifest.rings.erase("syscalls");
  CHECK(is_open(lost.judged(find_spin, "spin")));
  Case manual = spinning();
  manual.make_manual();
  CHECK_FALSE(is_for(manual.judged(find_spin, "spin")));
}

TEST_CASE("spin: who never made a call left no record, and that is known") {
  Case c;
  c.samples(1, kLoop, kBegin, kEnd, 97);
  c.manifest.rings["syscalls"] = {60, 37, 0, 0, 0, 0, 0, 0};
  const Finding finding = c.judged(find_spin, "spin");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(finding.score > 0.9);
  CHECK(contains(finding.evidence, "0 system calls, never slept"));
}

TEST_CASE("spin: of an incident of which few calls are known no more is said than that, unless sums know the rest") {
  Case few = spinning();
  few.manifest.rings["syscalls"].obtained_s = 1.2;
  const Finding finding = few.judged(find_spin, "spin");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "0 system calls in the 1.2 s of which they are known"));
  CHECK(finding.score < 0.65);
  few.manifest.rings["syscalls"].obtained_s = 0.9;
  CHECK(is_open(few.judged(find_spin, "spin")));

  few.manifest.rings["summary"] = {60, 37, 1000, 1000, 0, 0, 0, 0};
  Case account = few;
  account.timeline.threads[1].account.syscalls = 0;
  CHECK(account.judged(find_spin, "spin").score > 0.9);
  account.manifest.rings["summary"].dropped = 3;  // a thread that found no slot has no account
  CHECK(is_open(account.judged(find_spin, "spin")));

  Case process = few;
  process.sums("futex", 20, 0);
  CHECK(process.judged(find_spin, "spin").score > 0.9);

  Case others = few;  // whose calls these are is not known
  others.sums("write", 20, 1);
  CHECK(is_open(others.judged(find_spin, "spin")));
  others.manifest.rings["syscalls"].obtained_s = 1.2;
  CHECK(contains(others.judged(find_spin, "spin").evidence, "in the 1.2 s"));
  others.timeline.threads[0].process = 1;  // now it is: the thread is alone
  CHECK(is_against(others.judged(find_spin, "spin")));
}

TEST_CASE("lock: contended futexes speak, idle waiting does not") {
  using namespace std::chrono_literals;
  Case c;
  c.samples(0, {"main", "lock", "[futex_wait]"}, kOnset, kEnd, 15);
  c.calls(0, "futex", kBegin, kEnd, 100);
  c.sums("futex", 100, 20'000);
  for (auto& sum : c.timeline.summary) sum.cpu = sum.calls > 1000 ? 400ms : 1ms;
  CHECK(is_for(c.judged(find_spin, "lock")));
  Case idle;
  idle.samples(0, {"main", "work"}, kOnset, kEnd, 15);
  idle.sums("futex", 300, 300);
  idle.calls(0, "futex", kBegin, kEnd, 100);
  CHECK(is_against(idle.judged(find_spin, "lock")));
}

TEST_CASE("kernel path: more system time names where in the kernel, and the call") {
  Case c;
  c.metric("process.cpu.system", 5, 70, Unit::kPercent);
  c.samples(0, {"main", "send", "[tcp_sendmsg]", "[_raw_spin_lock]"}, kOnset, kEnd, 70);
  c.sums("sendto", 10, 1000);
  const Finding finding = c.judged(find_kernel_path, "kernel-path");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "server 100 in _raw_spin_lock"));
  CHECK(contains(finding.evidence, "_raw_spin_lock < tcp_sendmsg"));
  CHECK(contains(finding.evidence, "sendto"));
  Case quiet;
  quiet.metric("process.cpu.system", 5, 6, Unit::kPercent);
  CHECK(is_against(quiet.judged(find_kernel_path, "kernel-path")));
  CHECK(is_open(Case().judged(find_kernel_path, "kernel-path")));
}

TEST_CASE("user path: the function that grew, not the busy one that always was") {
  Case c;
  c.metric("process.cpu.user", 30, 95, Unit::kPercent);
  c.samples(0, {"main", "serve"}, kBegin, kEnd, 30);
  c.samples(0, {"main", "rank", "score"}, kOnset, kEnd, 65);
  const Finding finding = c.judged(find_user_path, "user-path");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "score"));
  CHECK_FALSE(contains(finding.title, "serve"));
  Case same;
  same.metric("process.cpu.user", 90, 95, Unit::kPercent);
  same.samples(0, {"main", "serve"}, kBegin, kEnd, 90);
  CHECK(is_against(same.judged(find_user_path, "user-path")));
  Case manual = c;
  manual.make_manual();
  CHECK(is_open(manual.judged(find_user_path, "user-path")));
}

TEST_CASE("collector: garbage collection with whom it works for") {
  Case c;
  c.samples(0, {"main", "serve"}, kBegin, kEnd, 20);
  c.samples(0, {"runtime.goexit", "runtime.gcBgMarkWorker", "runtime.scanobject"}, kOnset, kEnd, 30);
  c.samples(0, {"runtime.goexit", "main.(*reader).events", "main.(*conn).readFrame", "runtime.makeslice", "runtime.mallocgc", "runtime.memclr"}, kOnset, kEnd, 30);
  const Finding finding = c.judged(find_collector, "collector");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "main.(*conn).readFrame"));
  CHECK(contains(finding.evidence, "main.(*conn).readFrame < main.(*reader).events"));
  Case little;
  little.samples(0, {"main", "serve"}, kBegin, kEnd, 50);
  little.samples(0, {"main", "serve", "malloc"}, kBegin, kEnd, 2);
  CHECK(is_against(little.judged(find_collector, "collector")));
  Case nameless;
  nameless.samples(0, {"server+0x10", "server+0x20"}, kBegin, kEnd, 60);
  CHECK(is_open(nameless.judged(find_collector, "collector")));
  Case always;  // it has always collected as much
  always.samples(0, {"runtime.goexit", "runtime.gcBgMarkWorker"}, kBegin, kEnd, 50);
  CHECK_FALSE(is_for(always.judged(find_collector, "collector")));
}

TEST_CASE("shares of a CPU are of the seconds with samples: a ring that reaches back 10 s makes nothing grow") {
  const double from = kEnd - 10;  // three quiet seconds of thirty
  const std::vector<std::string> collects = {"runtime.goexit", "runtime.gcBgMarkWorker"};
  Case constant;
  constant.metric("process.cpu.user", 55, 60, Unit::kPercent);
  constant.samples(0, collects, from, kEnd, 50);
  constant.manifest.rings["stacks"].obtained_s = 10;
  const Finding same = constant.judged(find_collector, "collector");
  CAPTURE(same.evidence);
  CHECK_FALSE(is_for(same));
  CHECK(contains(same.evidence, "51 % of a CPU, before 51 %"));
  CHECK_FALSE(is_for(constant.judged(find_user_path, "user-path")));

  Case more;
  more.metric("process.cpu.user", 30, 95, Unit::kPercent);
  more.samples(0, {"main", "serve"}, from, kEnd, 30);
  more.samples(0, {"main", "rank", "score"}, kOnset, kEnd, 65);
  more.manifest.rings["stacks"].obtained_s = 10;
  const Finding grown = more.judged(find_user_path, "user-path");
  CAPTURE(grown.evidence);
  CHECK(contains(grown.title, "score"));
  CHECK_FALSE(contains(grown.evidence, "serve "));  // it has not moved
  more.manifest.rings["stacks"].obtained_s = 7.5;  // too little of the quiet part to know
  CHECK(is_open(more.judged(find_user_path, "user-path")));
  constant.manifest.rings["stacks"].obtained_s = 7.5;
  CHECK(is_open(constant.judged(find_collector, "collector")));

  Case spins = spinning();
  spins.manifest.rings["stacks"].obtained_s = 4;
  std::erase_if(spins.timeline.samples, [](const StackSample& sample) { return sample.time < at(kEnd - 4); });
  const Finding finding = spins.judged(find_spin, "spin");
  CAPTURE(finding.evidence);
  CHECK(is_for(finding));
  CHECK(contains(finding.evidence, "of 4.0 s, 0 system calls"));
  CHECK_FALSE(contains(finding.evidence, "before"));
}

TEST_CASE("shares of a CPU: a baseline is sampled whole, whatever the ring of the window holds") {
  Case c;
  c.timeline.quiet = QuietSlice{at(-600), at(-590), "a baseline"};
  c.samples(0, {"runtime.goexit", "runtime.gcBgMarkWorker"}, -600, -590, 50);
  c.samples(0, {"runtime.goexit", "runtime.gcBgMarkWorker"}, kOnset, kEnd, 50);
  c.manifest.rings["stacks"].obtained_s = 7;
  const Finding finding = c.judged(find_collector, "collector");
  CAPTURE(finding.evidence);
  CHECK_FALSE(is_for(finding));
  CHECK(contains(finding.evidence, "before 51 %"));
}

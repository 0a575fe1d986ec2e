// Findings on memory: growth, file cache, swap, OOM, reclaim, dentries.
#include <doctest/doctest.h>

#include <algorithm>

#include "formats/held.hpp"

#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;

namespace {

constexpr double kMB = 1048576;

void grow(Case& c, double anon_rate, double file_rate = 0) {
  const auto since = [](double t, double rate) { return t > kOnset ? rate * (t - kOnset) * kMB : 0; };
  c.metric("process.anon", [=](double t) { return 64 * kMB + since(t, anon_rate); }, Unit::kBytes);
  c.metric("process.rss", [=](double t) { return 70 * kMB + since(t, anon_rate + file_rate); }, Unit::kBytes);
  c.metric("process.swap", 0, 0, Unit::kBytes);
}

}  // namespace

TEST_CASE("memory growth: how fast, and who touches the new pages") {
  Case c;
  grow(c, 20);
  c.samples(0, {"deploy", "arena_new", "memset", "[asm_exc_page_fault]", "[clear_page_erms]"}, kOnset, kEnd, 3);
  const Finding finding = c.judged(find_growth, "memory-growth");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "20.0 MB/s"));
  CHECK(contains(finding.evidence, "memset < arena_new < deploy"));
  CHECK(is_against(c.judged(find_growth, "file-cache")));
}

TEST_CASE("memory growth: growth samples say who holds it, not who gave it back") {
  Case c;
  grow(c, 20);
  const auto sample = [&](double t, const std::vector<std::string>& functions, bool given_back) {
    Growth g;
    g.time = at(t);
    g.thread = 0;
    g.bytes = 8 << 20;
    if (given_back) g.given_back = at(t + 0.5);
    g.stack = c.stack(functions);
    c.timeline.growth.push_back(g);
  };
  for (int i = 0; i < 10; ++i) {
    sample(0.1 * i, {"main", "scratch"}, true);
    if (i % 2) sample(0.1 * i, {"main", "deploy", "keep"}, false);
    sample(-20 + 0.1 * i, {"main", "start_up"}, false);
  }
  const Finding finding = c.judged(find_growth, "memory-growth");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "keep < deploy < main (40 MB of 40 MB sampled)"));
}

TEST_CASE("memory growth: where allocations were sampled, who allocated what is held comes before who touched its pages") {
  Case c;
  grow(c, 20);
  HeldBlocks held{.every_bytes = 512 << 10, .since = at(-30), .sampled = 30, .blocks = {}};
  const auto hold = [&](double t, std::uint64_t size, const std::vector<std::string>& functions) { held.blocks.push_back({at(t), 0, size, c.stack(functions)}); };
  hold(-20, 900 << 20, {"main", "start_up"});
  for (int i = 0; i < 40; ++i) hold(0.1 * i, 100, {"main", "deploy", "keep", "void std::vector<int>::_M_realloc_insert<int>(int&&)", "operator new(unsigned long)"});
  c.texts[kAllocationsFile] = held_json(held);
  const auto touch = [&](std::uint64_t bytes) {
    Growth g;
    g.time = at(1);
    g.thread = 0;
    g.bytes = bytes;
    g.stack = c.stack({"main", "scratch"});
    c.timeline.growth.push_back(g);
  };
  touch(20 << 20);
  const Finding finding = c.judged(find_growth, "memory-growth");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "held by keep < deploy < main: 20 MB allocated since and not freed (40 sampled blocks, +-16 %)"));
  CHECK_FALSE(contains(finding.evidence, "scratch"));
  touch(60 << 20);  // most of it was not allocated so
  CHECK(contains(c.judged(find_growth, "memory-growth").evidence, "scratch"));
}

TEST_CASE("memory growth: without sampled allocations it is said what would tell who keeps") {
  Case c;
  grow(c, 20);
  c.samples(0, {"deploy", "memset", "[asm_exc_page_fault]"}, kOnset, kEnd, 3);
  CHECK(contains(c.judged(find_growth, "memory-growth").evidence, "heap = true"));
  c.texts[kAllocationsFile] = held_json({.every_bytes = 1, .since = {}, .sampled = 0, .blocks = {}});
  CHECK_FALSE(contains(c.judged(find_growth, "memory-growth").evidence, "heap = true"));
}

TEST_CASE("memory growth: behind a garbage collector nobody is blamed for touching pages") {
  Case c;
  grow(c, 20);
  c.samples(0, {"main.churn", "runtime.mallocgc", "[asm_exc_page_fault]", "[clear_page_erms]"}, kOnset, kEnd, 20);
  const Finding finding = c.judged(find_growth, "memory-growth");
  REQUIRE(is_for(finding));
  CHECK_FALSE(contains(finding.evidence, "churn"));
  CHECK(contains(finding.evidence, "garbage collector"));
  Case nameless;  // before names are looked up nobody knows whether there is one
  grow(nameless, 20);
  nameless.samples(0, {"server+0x10", "server+0x20", "[asm_exc_page_fault]"}, kOnset, kEnd, 20);
  CHECK_FALSE(contains(nameless.judged(find_growth, "memory-growth").evidence, "server+0x"));
}

TEST_CASE("memory growth: what came and went is told, and is ruled out where it did so before") {
  const auto visit = [](Case& c, bool before_too) {
    for (const char* name : {"process.anon", "process.rss"})
      c.metric(name, [=](double t) {
        const bool here = (t > kOnset + 1 && t < kOnset + 2.5) || (before_too && t > kBegin + 1 && t < kBegin + 3);
        return (here ? 264 : 64) * kMB;
      }, Unit::kBytes);
    return c.judged(find_growth, "memory-growth");
  };
  Case once, always, manual;
  const Finding finding = visit(once, false);
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(finding.title == "memory came and went: 200 MB");
  CHECK(contains(finding.evidence, "64 MB at most before"));
  CHECK(is_against(visit(always, true)));
  manual.make_manual();
  CHECK(is_open(visit(manual, false)));
}

TEST_CASE("memory growth: flat memory is ruled out, one that always grew is open, as is a dump without onset") {
  Case flat, always;
  grow(flat, 0);
  CHECK(is_against(flat.judged(find_growth, "memory-growth")));
  for (const char* name : {"process.anon", "process.rss"})
    always.metric(name, [](double t) { return (64 + 5 * (t - kBegin)) * kMB; }, Unit::kBytes);
  CHECK(is_open(always.judged(find_growth, "memory-growth")));
  Case manual;
  grow(manual, 20);
  manual.make_manual();
  CHECK(is_open(manual.judged(find_growth, "memory-growth")));
}

TEST_CASE("file cache: mapped files that grow speak for themselves") {
  Case c;
  grow(c, 0, 20);
  CHECK(is_for(c.judged(find_growth, "file-cache")));
  CHECK(is_open(Case().judged(find_growth, "file-cache")));
}

TEST_CASE("swap: of the targets, of the host, none") {
  Case target, none;
  target.metric("process.swap", [](double t) { return t > kOnset ? (t - kOnset) * 12 * kMB : 0; }, Unit::kBytes);
  CHECK(is_for(target.judged(find_swap, "swap")));
  none.counter("host.swap.in", 0, 0);
  none.counter("host.swap.out", 0, 0);
  none.metric("process.swap", 0, 0, Unit::kBytes);
  CHECK(is_against(none.judged(find_swap, "swap")));
  Case host;
  host.counter("host.swap.in", 0, 0);
  host.counter("host.swap.out", 0, 30 * kMB);
  CHECK(is_for(host.judged(find_swap, "swap")));
  host.make_manual();
  CHECK_FALSE(is_for(host.judged(find_swap, "swap")));
  CHECK(is_open(Case().judged(find_swap, "swap")));
}

TEST_CASE("oom: a kill in the window speaks, one of an hour ago does not") {
  // The firing is at 1000 s since boot.
  Case now, before, counted;
  now.texts["system/at/kernel_log"] = "<6>[  998.500000] x: oom-kill:constraint\n<3>[  998.512345] Out of memory: Killed process 123 (java)\x1b[2J\n";
  const Finding finding = now.judged(find_swap, "oom");
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "Killed process 123 (java)"));
  CHECK_FALSE(contains(finding.evidence, "\x1b"));
  before.texts["system/at/kernel_log"] = "<3>[  100.5] Out of memory: Killed process 123 (java)\n";
  CHECK(is_against(before.judged(find_swap, "oom")));
  counted.texts["system/before/vmstat"] = "nr_free 1\noom_kill 2\n";
  counted.texts["system/at/vmstat"] = "nr_free 1\noom_kill 3\n";
  CHECK(is_for(counted.judged(find_swap, "oom")));
  CHECK(is_open(Case().judged(find_swap, "oom")));
}

TEST_CASE("reclaim: who stood still, for how long, where, and what was given back") {
  Case c;
  c.counter("host.vm.scan", 0, 100);
  c.counter("host.vm.allocstall", 0, 3);
  c.stall(StallKind::kReclaim, 1, -1.5, 2.2, c.stack({"main", "scan_routes", "[try_to_free_mem_cgroup_pages]"}));
  c.samples(1, {"main", "scan_routes", "[try_to_free_mem_cgroup_pages]", "[shrink_dentry_list]"}, -1.5, 0.7, 80);
  const Finding finding = c.judged(find_reclaim, "reclaim");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "worker 101"));
  CHECK(contains(finding.evidence, "2.20 s"));
  CHECK(contains(finding.evidence, "scan_routes"));
  CHECK(contains(finding.evidence, "gave back dentries"));
}

TEST_CASE("reclaim: none is ruled out; a short one of the quiet part accuses nobody") {
  Case none;
  none.counter("host.vm.scan", 0, 0);
  none.counter("host.vm.allocstall", 0, 0);
  CHECK(is_against(none.judged(find_reclaim, "reclaim")));
  none.stall(StallKind::kReclaim, 1, -20, 2);
  CHECK(is_against(none.judged(find_reclaim, "reclaim")));
  CHECK(is_open(Case().judged(find_reclaim, "reclaim")));
}

TEST_CASE("dentries: that pile up and are given back, with the sysctl that weighs them") {
  Case c, flat;
  c.metric("host.dentries", [](double t) { return t < -1 ? 500'000 + 40'000 * (t - kBegin) : 200'000; });
  c.metric("host.mem.slab", 500 * kMB, 200 * kMB, Unit::kBytes);
  c.texts["system/facts/sys_vm_vfs_cache_pressure"] = "100\n";
  const Finding finding = c.judged(find_reclaim, "dentries");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "vfs_cache_pressure 100"));
  CHECK(contains(finding.title, "given back"));
  CHECK_FALSE(contains(finding.evidence, "in the kernel while they fell"));  // nobody is known to have been
  c.metric("bystander[drop-caches].cpu.total", [](double t) { return t > -1.5 && t < 0.5 ? 80.0 : 0.0; });
  c.metric("bystander[drop-caches].cpu.system", [](double t) { return t > -1.5 && t < 0.5 ? 78.0 : 0.0; });
  c.metric("bystander[maker].cpu.total", 90, 90);  // as busy when they rose
  c.metric("bystander[maker].cpu.system", 80, 80);
  const std::string told = c.judged(find_reclaim, "dentries").evidence;
  CAPTURE(told);
  CHECK(contains(told, "in the kernel while they fell: drop-caches 78 % of a CPU"));
  CHECK_FALSE(contains(told, "maker"));
  flat.metric("host.dentries", 500'000, 501'000);
  CHECK(is_against(flat.judged(find_reclaim, "dentries")));
  CHECK(is_open(Case().judged(find_reclaim, "dentries")));
}

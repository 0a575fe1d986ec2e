#include "recorder/config_file/default_rules.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "recorder/config_file/config_file.hpp"
#include "recorder/history/kept_metrics.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "triggers/metric_past.hpp"

using namespace fdr;
using namespace std::chrono_literals;

namespace {

constexpr double kMB = 1 << 20;

// A host at work, of which a test changes what it is about. Counters are given as growth per second.
using Values = std::map<std::string, double>;

Values healthy() {
  return {{"process.age", 600}, {"process.cpu.demand", 45}, {"process.cpu.system", 8}, {"spin", 0.1}, {"stall", 0.05}, {"host.cpu.steal", 0.5}, {"cgroup.throttled", 5},
          {"process.rss", 200 * kMB}, {"host.mem.free", 2000 * kMB}, {"host.mem.slab", 900 * kMB}, {"host.psi.memory.full", 0}, {"host.swap.out", 0},
          {"oom", 0}, {"process.fds", 80}, {"process.sockets", 40}, {"process.goroutines", 200}, {"host.net.udp.rcvbuf_errors", 0}, {"host.net.tcp.listen_overflows", 0},
          {"process.syscalls.errors", 300}};
}

// What fires while `change(values, seconds since the change began)` is made for `span`, after `past` of health.
std::set<std::string> fired(Duration past, const std::function<void(Values&, double)>& change, Duration span = 40s) {
  const Config config;
  const MetricCatalogue catalogue = build_catalogue(config);
  const std::vector<RuleConfig> rules = all_rules(config);
  MetricPast long_ago(catalogue, kept_metrics(config, catalogue), longest_lookback(config, catalogue), config.span);
  MetricHistory ticks(catalogue.size(), 700);
  ticks.set_past(&long_ago);
  Engine engine(rules, catalogue);
  std::vector<double> row(catalogue.size()), counters(catalogue.size(), 0);
  std::set<std::string> names;
  const Timestamp begin = from_ns(1'000'000'000'000);
  Timestamp before = begin;
  for (Timestamp now = begin; now < begin + past + span;) {
    Values values = healthy();
    const double since = to_seconds(now - begin - past);
    if (since >= 0) change(values, since);
    std::fill(row.begin(), row.end(), std::numeric_limits<double>::quiet_NaN());
    for (const auto& [name, value] : values) {
      const auto id = catalogue.find(name);
      REQUIRE_MESSAGE(id, name);
      row[*id] = catalogue.info(*id).kind == MetricKind::kCounter ? counters[*id] += value * to_seconds(now - before) : value;
    }
    ticks.push(now, row);
    long_ago.push(now, row);
    for (const Firing& firing : engine.evaluate(ticks, now)) names.insert(firing.rule);
    before = now;
    now += since > -70 ? 100ms : 1000ms;  // the window needs its ticks, the past its seconds
  }
  return names;
}

using Names = std::set<std::string>;

struct Case {
  std::string rule;
  std::function<void(Values&, double)> fires, silent;
};

const Case kCases[] = {
    {"cpu-demand", [](Values& v, double) { v["process.cpu.demand"] = 180; }, [](Values& v, double) { v["process.cpu.demand"] = 85; }},
    {"system-cpu", [](Values& v, double) { v["process.cpu.system"] = 95; }, [](Values& v, double) { v["process.cpu.system"] = 23; }},
    {"spin", [](Values& v, double t) { v["spin"] = t; }, [](Values& v, double t) { v["spin"] = std::min(t, 5.0); }},
    {"stall", [](Values& v, double t) { v["stall"] = t; }, [](Values& v, double) { v["stall"] = 1.5; }},
    {"steal", [](Values& v, double) { v["host.cpu.steal"] = 30; }, [](Values& v, double) { v["host.cpu.steal"] = 12; }},
    {"throttled", [](Values& v, double) { v["cgroup.throttled"] = 90; }, [](Values& v, double t) { v["cgroup.throttled"] = t < 4 ? 90 : 5; }},
    {"memory-growth", [](Values& v, double t) { v["process.rss"] = (200 + 10 * t) * kMB; }, [](Values& v, double t) { v["process.rss"] = (200 + 2 * t) * kMB; }},
    {"free-memory-jump", [](Values& v, double t) {
       v["host.mem.free"] = (2000 + (t > 5 ? 600 : 0)) * kMB;
       v["host.mem.slab"] = (900 - (t > 5 ? 500 : 0)) * kMB;
     },
     [](Values& v, double t) {  // a compiler ends, and others begin: what was anonymous is so again
       v["host.mem.free"] = (2000 + (t > 5 ? 600 : 0)) * kMB;
       v["host.mem.slab"] = (900 - (t > 5 ? 40 : 0)) * kMB;
     }},
    {"memory-pressure", [](Values& v, double) { v["host.psi.memory.full"] = 40; }, [](Values& v, double t) { v["host.psi.memory.full"] = t < 1 ? 40 : 2; }},
    {"memory-pressure", [](Values& v, double) { v["host.swap.out"] = 30 * kMB; }, [](Values& v, double) { v["host.swap.out"] = 4 * kMB; }},
    {"oom", [](Values& v, double) { v["oom"] = 1; }, [](Values&, double) {}},
    {"crash", [](Values& v, double t) { if (t > 3) v["exit.signal"] = SIGSEGV; }, [](Values& v, double t) { if (t > 3) v["exit.signal"] = SIGTERM; }},
    {"descriptors", [](Values& v, double t) { v["process.fds"] = 80 + 8 * t; }, [](Values& v, double t) { v["process.fds"] = 80 + 2 * t; }},
    {"descriptors", [](Values& v, double t) { v["process.sockets"] = 40 + 8 * t; }, [](Values& v, double t) { v["process.sockets"] = 40 + 2 * t; }},
    {"goroutines", [](Values& v, double t) { v["process.goroutines"] = 200 + 10 * t; }, [](Values& v, double t) { v["process.goroutines"] = 200 + 2 * t; }},
    {"network-drops", [](Values& v, double) { v["host.net.udp.rcvbuf_errors"] = 400; }, [](Values& v, double) { v["host.net.udp.rcvbuf_errors"] = 5; }},
    {"network-drops", [](Values& v, double) { v["host.net.tcp.listen_overflows"] = 100; }, [](Values& v, double) { v["host.net.tcp.listen_overflows"] = 1; }},
    {"error-burst", [](Values& v, double) { v["process.syscalls.errors"] = 20'000; }, [](Values& v, double) { v["process.syscalls.errors"] = 1'200; }},
};

}  // namespace

TEST_CASE("default rules: what comes and goes all the time is no growth, also once an hour of it is known") {
  const auto burst = [](double least, double most, double t) { return std::fmod(t, 20) < 6 ? most : least; };
  const auto bursts = [&](Values& values, double t) {
    values["process.rss"] = burst(60, 220, t) * kMB;
    values["process.fds"] = values["process.sockets"] = burst(10, 115, t);
    values["process.goroutines"] = burst(20, 89, t);
  };
  CHECK(fired(0s, bursts, 75min).empty());
  const auto then_growth = [&](Values& values, double t) {
    bursts(values, t);
    if (t > 4300) values["process.rss"] = (220 + 10 * (t - 4300)) * kMB;
  };
  CHECK(fired(0s, then_growth, 75min) == Names{"memory-growth"});
}

TEST_CASE("default rules: at most 15, with limits, and they apply where there are no others") {
  CHECK(default_rules().size() <= 15);
  std::set<std::string> tested, names;
  for (const Case& one : kCases) tested.insert(one.rule);
  for (const RuleConfig& rule : default_rules()) {
    names.insert(rule.name);
    CHECK(rule.max_per_day);
    CHECK(rule.cooldown >= 10min);
  }
  CHECK(tested == names);
  CHECK(all_rules({}).size() == default_rules().size());
  CHECK(all_rules(parse_config("default_rules = false\n", "x")).empty());
  // Of all processes of a host together only what is of no program's size: no growth, no demand.
  Names of_all;
  for (const RuleConfig& one : all_rules(parse_config("[[target]]\nname = \"host\"\nmatch = { all = true }\n", "x"))) of_all.insert(one.name);
  CHECK(of_all == Names{"crash", "free-memory-jump", "memory-pressure", "network-drops", "oom", "spin", "stall", "steal", "throttled"});
  const char* rule = "[[trigger]]\nname = \"spin\"\nwhen = \"spin > 1s\"\n";
  CHECK(all_rules(parse_config(rule, "x")).size() == 1);
  CHECK(all_rules(parse_config("[[heartbeat]]\nname = \"b\"\nevery = \"1s\"\nmisses = 3\n", "x")).size() == 1);
  const auto both = all_rules(parse_config(std::string("default_rules = true\n") + rule, "x"));
  CHECK(both.size() == default_rules().size());
  CHECK(both.front().when == "spin > 1s");
  const Config again = parse_config(config_toml(parse_config("default_rules = false\nhistory = { enabled = false, directory = \"/srv/h\", max_bytes = \"2MB\" }\n", "x")), "y");
  CHECK(again.default_rules == false);
  CHECK_FALSE(again.history.enabled);
  CHECK(again.history.directory == "/srv/h");
  CHECK(again.history.max_bytes == 2u << 20);
}

TEST_CASE("default rules: each fires without a past, by its floor") {
  for (const Case& one : kCases) {
    CAPTURE(one.rule);
    CHECK(fired(90s, one.fires).count(one.rule) == 1);
    CHECK(fired(90s, one.silent) == Names{});
  }
}

TEST_CASE("default rules: and with an hour of past, relative to it") {
  for (const Case& one : kCases) {
    CAPTURE(one.rule);
    CHECK(fired(70min, one.fires).count(one.rule) == 1);
    CHECK(fired(70min, one.silent) == Names{});
  }
}

TEST_CASE("default rules: what has always been so is not news once it is known") {
  // A busy server: its floor is passed all the time.
  const auto busy = [](Values& v, double) {
    v["process.cpu.demand"] = 160;
    v["process.cpu.system"] = 85;
    v["process.fds"] = 3000;
    v["process.goroutines"] = 9000;
    v["process.rss"] = 3000 * kMB;
  };
  CHECK(fired(0s, busy, 30min) == Names{});
}

TEST_CASE("kept metrics: those of rules first, a bounded number, nothing that happens once") {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "[[target]]\nname = \"t" + std::to_string(i) + "\"\nmatch = { pid = " + std::to_string(i + 1) + " }\n";
  text += "[[trigger]]\nname = \"x\"\nwhen = \"process[t19].sockets.close_wait > 5 or exit.code != 0\"\n";
  const Config config = parse_config(text, "x");
  const MetricCatalogue catalogue = build_catalogue(config);
  const std::vector<MetricId> kept = kept_metrics(config, catalogue);
  CHECK(kept.size() == kMaxHistoryMetrics);
  const auto has = [&](const char* name) { return std::count(kept.begin(), kept.end(), catalogue.find(name).value()) == 1; };
  CHECK(has("process[t19].sockets.close_wait"));
  CHECK(has("process.rss"));
  CHECK_FALSE(has("exit.code"));
}

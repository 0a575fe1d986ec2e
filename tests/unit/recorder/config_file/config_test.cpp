#include "recorder/config_file/config_file.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/unit/recorder/config_file/config_fixture.hpp"
#include "tests/unit/recorder/metrics/metrics_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kFull = R"(
name = "edge"
on_exit = "always"
window   = { span = "90s", after = "3s", memory = "96MB" }
sample   = { frequency = 49, off_cpu = "2ms" }
syscalls = { detail = "summary", slow = "20ms" }
metrics  = { every = "200ms" }
bundle   = { directory = "/srv/fdr", keep = 5, max_bytes = "1GB", keep_free = "7.5%" }
baseline = { every = "30m", span = "10s" }

[[target]]
name = "haproxy"
match = { comm = "haproxy" }

[[target]]
name = "two"
match = { pid = [12, 13] }

[[target]]
match = { exe = "/usr/sbin/bird" }

[[trigger]]
name = "system-cpu"
when = "process[haproxy].cpu.system > 30%"
for  = "1s"

[[trigger]]
name = "free-memory-jump"
when = "delta(host.mem.free, 1s) > 300MB"
cooldown = "10m"

[[heartbeat]]
name = "bfd"
every = "400ms"
misses = 3
)";

}  // namespace

TEST_CASE("config: defaults") {
  const Config config = parse_config("", "fdr.toml");
  CHECK(config.span == 60s);
  CHECK(config.after == 5s);
  CHECK(config.frequency == 99);
  CHECK(config.every == 100ms);
  CHECK(config.rules.empty());
  CHECK(config.memory_bytes(1) == 64ull << 20);
  CHECK(config.memory_bytes(64) == 512ull << 20);
  CHECK(parse_config("window = { memory = \"24MB\" }", "x").memory_bytes(64) == 24ull << 20);
}

TEST_CASE("config: every key") {
  const Config config = parse_config(kFull, "fdr.toml");
  CHECK(config.name == "edge");
  CHECK(config.on_exit == OnExit::kAlways);
  CHECK(config.span == 90s);
  CHECK(config.after == 3s);
  CHECK(config.memory == 96ull << 20);
  CHECK(config.frequency == 49);
  CHECK(config.off_cpu == 2ms);
  CHECK(config.detail == SyscallDetail::kSummary);
  CHECK(config.slow == 20ms);
  CHECK(config.every == 200ms);
  CHECK(config.directory == "/srv/fdr");
  CHECK(config.keep == 5);
  CHECK(config.max_bytes == 1ull << 30);
  CHECK(config.keep_free_percent == 7.5);
  CHECK(config.baseline.enabled);
  CHECK(config.baseline.every == 30min);
  CHECK(config.baseline.span == 10s);
  REQUIRE(config.targets.size() == 3);
  CHECK(config.targets[0].comm == "haproxy");
  CHECK(config.targets[1].pids == std::vector<std::int32_t>{12, 13});
  CHECK(config.targets[2].name == "bird");
  REQUIRE(config.rules.size() == 2);
  CHECK(config.rules[0].hold == 1s);
  CHECK(config.rules[0].cooldown == 5min);
  CHECK(config.rules[1].cooldown == 10min);
  REQUIRE(config.heartbeats.size() == 1);
  const auto rules = all_rules(config);
  REQUIRE(rules.size() == 3);
  CHECK(rules[2].when == "beat.bfd.age > 1200ms");
}

TEST_CASE("config: the effective configuration reads back as what it was") {
  for (const std::string_view text : {kFull, std::string_view("")}) {
    const Config config = parse_config(text, "fdr.toml");
    const std::string written = config_toml(config);
    CHECK(config_toml(parse_config(written, "effective")) == written);
  }
  Config odd = parse_config(kFull, "fdr.toml");
  odd.directory = "/srv/a \"b\"\\\x01\n/c";
  odd.rules[0].when = "process[haproxy].rss > 1MB\tand host.cpu.busy > 1%";
  odd.targets[0] = {"haproxy", {}, {}, {}};  // chosen on the command line
  const Config back = parse_config(config_toml(odd), "effective");
  CHECK(back.directory == odd.directory);
  CHECK(back.rules[0].when == odd.rules[0].when);
  CHECK(back.targets[0].name == "haproxy");
  CHECK(back.targets[0].comm.empty());
}

TEST_CASE("config: an unknown key is an error with its place and the nearest name") {
  const Refusal typo = refusal("[window]\nspan = \"60s\"\n  aftre = \"5s\"\n");
  CHECK(typo.what == "fdr.toml:3:3: unknown key 'aftre' in window");
  CHECK(typo.hint == "did you mean after");
  CHECK(refusal("tresholds = 1").what == "fdr.toml:1:1: unknown key 'tresholds'");
  CHECK(says(refusal("qqqqqq = 1").hint, "keys here: "));
  CHECK(refusal("[[trigger]]\nname = \"a\"\nwhen = \"host.cpu.busy > 1%\"\nfro = \"1s\"\n").what ==
        "fdr.toml:4:1: unknown key 'fro' in trigger");
  CHECK(says(refusal("[[target]]\nmatch = { com = \"x\" }\n").what, "unknown key 'com' in target.match"));
  CHECK(says(refusal("[[trigger]]\nname = \"x\"\nwehn = \"host.cpu.busy > 1%\"\n").what, "unknown key 'wehn'"));
  CHECK(refusal("[[target]]\nname = \"a\"\nmatch = { comm = \"x\", exee = \"/x\" }\n").hint == "did you mean exe");
}

TEST_CASE("config: wrong types, and numbers without a unit") {
  CHECK(refusal("window = { memory = 64 }").what ==
        "fdr.toml:1:21: 'memory' must be a size with a unit, not a number without a unit");
  CHECK(refusal("window = { memory = 64 }").hint == "write memory = \"64MB\"");
  CHECK(says(refusal("window = { memory = \"64\" }").what, "not a size with a unit: '64'"));
  CHECK(says(refusal("window = { memory = \"64Mb\" }").what, "not a size with a unit"));
  CHECK(says(refusal("window = { span = 60 }").what, "'span' must be a duration with a unit"));
  CHECK(says(refusal("window = { span = \"60\" }").what, "not a duration with a unit"));
  CHECK(says(refusal("sample = { frequency = \"99\" }").what, "'frequency' must be a whole number, not a string"));
  CHECK(says(refusal("sample = { frequency = 0 }").what, "between 1 and 1000"));
  CHECK(says(refusal("sample = { frequency = 9223372036854775807 }").what, "between"));
  CHECK(says(refusal("window = 3").what, "'window' must be a table"));
  CHECK(refusal("trigger = 3").hint == "write [[trigger]]");
  CHECK(refusal("[trigger]\nname = \"x\"\n").hint == "write [[trigger]]");
  CHECK(refusal("syscalls = { detail = \"some\" }").hint == "one of: all, summary, off");
  CHECK(says(refusal("bundle = { keep_free = 5 }").what, "a percentage with a unit"));
  CHECK(says(refusal("bundle = { directory = \"bundles\" }").what, "absolute path"));
  CHECK(says(refusal("window = { span = \"9999h\" }").what, "between 1s and 1h"));
  CHECK(says(refusal("name = \"../x\"").what, "is not a name"));
}

TEST_CASE("config: targets by unit and by cgroup are named after them, and told again by the effective configuration") {
  const Config config = parse_config("wait = true\n[[target]]\nmatch = { unit = \"nginx\" }\n[[target]]\nmatch = { cgroup = \"/box/app\" }\n", "fdr.toml");
  REQUIRE(config.targets.size() == 2);
  CHECK(config.wait);
  CHECK(config.targets[0].name == "nginx");
  CHECK(config.targets[0].unit == "nginx.service");
  CHECK(config.targets[1].name == "app");
  const Config again = parse_config(config_toml(config), "again.toml");
  CHECK(again.wait);
  CHECK(again.targets[0].unit == "nginx.service");
  CHECK(again.targets[1].cgroup == "/box/app");
  CHECK(says(refusal("[[target]]\nmatch = { cgroup = \"box\" }\n").what, "must be the path"));
  CHECK(says(refusal("wait = 1\n").what, "true or false"));
}

TEST_CASE("config: a container by its id, and everybody") {
  const Config config = parse_config("[[target]]\nmatch = { container = \"3f2a8b91c07d01\" }\n[[target]]\nmatch = { all = true }\n", "fdr.toml");
  REQUIRE(config.targets.size() == 2);
  CHECK(config.targets[0].name == "3f2a8b91c07d");
  CHECK(config.targets[1].name == "all");
  const Config again = parse_config(config_toml(config), "again.toml");
  CHECK(again.targets[0].container == "3f2a8b91c07d01");
  CHECK(again.targets[1].all);
  CHECK(says(refusal("[[target]]\nmatch = { container = \"web\" }\n").what, "must be the container's id"));
  CHECK(says(refusal("[[target]]\nname = \"x\"\nmatch = { all = false }\n").what, "'match' says nothing"));
}

TEST_CASE("config: what is not in this version is said, not ignored") {
  CHECK(says(refusal("[[log]]\nname = \"x\"\nfrom = \"stderr\"\n").what, "not in this version"));
}

TEST_CASE("config: a heartbeat from what a service tells systemd's watchdog") {
  const Config config = parse_config("[[heartbeat]]\nname = \"daemon\"\nfrom = \"notify\"\nevery = \"1s\"\nmisses = 4\n", "fdr.toml");
  const Config again = parse_config(config_toml(config), "again.toml");
  REQUIRE(again.heartbeats.size() == 1);
  CHECK(again.heartbeats[0].from == BeatSource::kNotify);
  CHECK(all_rules(again)[0].when == "beat.daemon.age > 4s");
  CHECK(says(refusal("[[heartbeat]]\nname = \"x\"\nfrom = \"notify\"\nevery = \"1s\"\nport = 7\n").what, "'port' belongs to"));
}

TEST_CASE("config: an error in a condition points at its character in the file") {
  const Refusal typo = refusal("[[trigger]]\nname = \"x\"\nwhen = \"host.cpu.busy > 1% and host.mem.fre > 1MB\"\n");
  //                                                     when = " is 8 columns, the name begins at column 24 of the
  //                                                     condition
  CHECK(typo.what == "fdr.toml:3:32: unknown metric 'host.mem.fre'");
  CHECK(says(typo.hint, "host.mem.free"));
  CHECK(says(refusal("[[trigger]]\nname = \"x\"\n  when   = 'host.cpu.bsy > 1%'\n").what,
             "fdr.toml:3:13: unknown metric"));
  CHECK(says(refusal("[[trigger]]\nname = \"x\"\nwhen = \"\"\"host.cpu.bsy > 1%\"\"\"\n").what,
             "fdr.toml:3:11: unknown metric"));
  CHECK(says(refusal("[[trigger]]\nname = \"x\"\nwhen = \"\"\"\nhost.cpu.bsy > 1%\"\"\"\n").what,
             "fdr.toml:4:1: unknown metric"));
  CHECK(refusal("[[trigger]]\nname = \"x\"\nwhen = \"host.cpu.busy > 1GB\"\n").what.starts_with("fdr.toml:3:25: "));
}

TEST_CASE("config: limits of a rule, what arms it and what ends it") {
  const auto rule = [](const std::string& more) { return "[[trigger]]\nname = \"x\"\nwhen = \"host.cpu.busy > 30%\"\n" + more; };
  const Config config = parse_config(
      rule("clear = \"20%\"\narmed_when = \"process[web].cpu.total > 5%\"\nmax_per_day = 3\nafter = \"20s\"\n"), "fdr.toml");
  CHECK(config.rules[0].clear == "20%");
  CHECK(config.rules[0].max_per_day == 3u);
  CHECK(config.rules[0].after == 20s);
  CHECK(config.longest_after() == 20s);
  CHECK(with_implied_targets(config).targets.front().name == "web");
  const std::string written = config_toml(config);
  CHECK(config_toml(parse_config(written, "effective")) == written);
  CHECK(says(written, "armed_when = \"process[web].cpu.total > 5%\""));

  CHECK(refusal(rule("clear = \"40%\"\n")).what == "fdr.toml:4:10: at 40 % the condition still holds");
  CHECK(refusal(rule("clear = \"40%\"\n")).hint == "clear at 30 % or below");
  CHECK(refusal(rule("clear = \"20MB\"\n")).what.starts_with("fdr.toml:4:10: "));
  CHECK(refusal(rule("clear = \"host.cpu.bsy < 3%\"\n")).what.starts_with("fdr.toml:4:10: unknown metric"));
  CHECK(says(refusal(rule("clear = \" \"\n")).what, "'clear' says nothing"));
  CHECK(refusal(rule("armed_when = \"host.cpu.busy > 1% and x > 1\"\n")).what.starts_with("fdr.toml:4:38: "));
  CHECK(says(refusal(rule("max_per_day = 0\n")).what, "between 1 and"));
  CHECK(says(refusal(rule("after = \"11m\"\n")).what, "between 0"));
  CHECK(says(refusal("history = { enabled = false }\n" + rule("clear = \"max(host.cpu.busy, 70s) < 3%\"\n")).what, "looks back"));
  CHECK(says(refusal("[[trigger]]\nname = \"x\"\nwhen = \"exit.code != 0\"\nclear = \"exit.code == 0\"\n").what, "no end"));
  CHECK(says(refusal("[[trigger]]\nname = \"x\"\nwhen = \"host.cpu.busy > 3% or host.cpu.user > 3%\"\nclear = \"2%\"\n").what,
             "fdr.toml:4:10: a threshold alone"));
}

TEST_CASE("config: targets named in the file are the ones there are; without any the command line may name them") {
  const std::string rule = "[[trigger]]\nname = \"x\"\nwhen = \"process[web].rss > 1MB\"\n";
  CHECK(refusal(rule).what.empty());
  CHECK(
      says(refusal("[[target]]\nname = \"db\"\nmatch = { comm = \"db\" }\n" + rule).what, "no target is named 'web'"));
  CHECK(refusal("[[target]]\nname = \"web\"\nmatch = { comm = \"x\" }\n" + rule).what.empty());
  Config config = parse_config(rule, "fdr.toml");
  CHECK(with_implied_targets(config).targets.front().name == "web");
  CHECK_THROWS_AS(check_config(config), Error);
  config.targets.push_back({"web", {1}, {}, {}});
  CHECK_NOTHROW(check_config(config));
}

TEST_CASE("config: holds, look-back and heartbeats must fit into the window") {
  const auto rule = [](const char* when, const char* hold) {
    return std::string("[[trigger]]\nname = \"x\"\nwhen = \"") + when + "\"\nfor = \"" + hold + "\"\n";
  };
  CHECK(refusal(rule("host.cpu.busy > 1%", "29s")).what.empty());
  CHECK(says(refusal(rule("host.cpu.busy > 1%", "30s")).what, "fdr.toml:4:8: `for` of 30s is half of the window (1m)"));
  CHECK(refusal(rule("delta(host.mem.free, 59s) > 1MB", "0s")).what.empty());
  CHECK(refusal(rule("delta(host.mem.free, 60s) > 1MB", "0s")).what.empty());  // the history answers
  CHECK(refusal(rule("avg(host.mem.free, 720h) > 1MB", "0s")).what.empty());
  CHECK(says(refusal(rule("avg(host.mem.free, 721h) > 1MB", "0s")).what, "looks back 721h, the history 720h"));
  const Refusal off = refusal("history = { enabled = false }\n" + rule("delta(host.mem.free, 60s) > 1MB", "0s"));
  CHECK(says(off.what, "looks back 1m, the window is 1m, and the history is off"));
  CHECK(says(off.hint, "enabled = true"));
  CHECK(says(refusal("[[heartbeat]]\nname = \"x\"\nevery = \"10s\"\nmisses = 3\n").what, "half of the window"));
  CHECK(says(refusal("window = { span = \"1h\" }\nmetrics = { every = \"10ms\" }").what, "ticks"));
  CHECK(says(refusal(rule("exit.code != 0", "3s")).what, "happens once"));
}

TEST_CASE("config: names are unique, and needed") {
  const std::string rule = "[[trigger]]\nname = \"x\"\nwhen = \"host.cpu.busy > 1%\"\n";
  CHECK(says(refusal(rule + rule).what, "fdr.toml:6:9: the name 'x' is used twice"));
  CHECK(says(refusal(rule + "[[heartbeat]]\nname = \"x\"\nevery = \"1s\"\n").what, "used twice"));
  const std::string target = "[[target]]\nname = \"t\"\nmatch = { comm = \"t\" }\n";
  CHECK(says(refusal(target + target).what, "two targets are named 't'"));
  CHECK(says(refusal("[[trigger]]\nwhen = \"host.cpu.busy > 1%\"\n").what, "[[trigger]] needs 'name'"));
  CHECK(says(refusal("[[trigger]]\nname = \"x\"\n").what, "[[trigger]] needs 'when'"));
  CHECK(says(refusal("[[heartbeat]]\nname = \"x\"\n").what, "[[heartbeat]] needs 'every'"));
  CHECK(says(refusal("[[target]]\nmatch = { pid = 1 }\n").what, "needs a 'name'"));
  CHECK(says(refusal("[[target]]\nname = \"x\"\nmatch = {}\n").what, "'match' says nothing"));
  CHECK(says(refusal("[[target]]\nname = \"x\"\nmatch = { pid = 0 }\n").what, "process id"));
  CHECK(
      says(refusal("[[target]]\nname = \"x\"\nmatch = { comm = \"longer-than-15-bytes\" }\n").hint, "longer-than-15-"));
}

TEST_CASE("names") {
  CHECK(valid_name("a"));
  CHECK(valid_name("web-1_x.Y"));
  CHECK(valid_name(std::string(32, 'a')));
  CHECK_FALSE(valid_name(""));
  CHECK_FALSE(valid_name(std::string(33, 'a')));
  CHECK_FALSE(valid_name("a/b"));
  CHECK_FALSE(valid_name("a b"));
  CHECK_FALSE(valid_name("\xc3\xa4"));
}

TEST_CASE("--when: the condition, and `for` behind it") {
  const RuleConfig plain = rule_from_flag("host.cpu.busy > 90%", 1);
  CHECK(plain.name == "when-1");
  CHECK(plain.when == "host.cpu.busy > 90%");
  CHECK(plain.hold == 0s);
  const RuleConfig held = rule_from_flag(" host.cpu.busy > 90%  for  3s ", 2);
  CHECK(held.name == "when-2");
  CHECK(held.when == " host.cpu.busy > 90%");
  CHECK(held.hold == 3s);
  CHECK(held.where == "--when");
  CHECK(rule_from_flag("beat.for.age > 3s", 1).hold == 0s);
  CHECK(rule_from_flag("for 3s", 1).when == "for 3s");
  CHECK(rule_from_flag("", 1).when.empty());
  try {
    rule_from_flag("host.cpu.busy > 90% for 3", 1);
    FAIL("no unit");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "--when: column 25: '3' is not a duration");
  }
}

TEST_CASE("config: text that is no TOML, hostile text") {
  CHECK(refusal("window = {\n").what.starts_with("fdr.toml:"));
  CHECK(refusal("a = 1\na = 2\n").what.starts_with("fdr.toml:2:"));
  CHECK_FALSE(refusal(std::string_view("name = \"a\0b\"", 12)).what.empty());
  CHECK_FALSE(refusal("name = \"a\\u0000b\"").what.empty());
  CHECK_FALSE(refusal("name = \"\xff\"").what.empty());
  CHECK_FALSE(refusal(std::string(100'000, '[')).what.empty());
  CHECK_FALSE(refusal("x = " + std::string(100'000, '[')).what.empty());
  const Refusal escape = refusal("\"\x1b[2J\" = 1");
  CHECK_FALSE(escape.what.empty());
  CHECK(escape.what.find('\x1b') == std::string::npos);
  std::string many;
  for (int i = 0; i < 300; ++i) many += "[[target]]\nname = \"t" + std::to_string(i) + "\"\nmatch = { pid = 1 }\n";
  CHECK(says(refusal(many).what, "more than 256"));
  for (std::size_t cut = 0; cut < kFull.size(); cut += 3) refusal(kFull.substr(0, cut));
}

TEST_CASE("config: files") {
  test::FakeProc directory;
  directory.write("good.toml", "name = \"x\"\n");
  directory.write("bad.toml", "nme = \"x\"\n");
  CHECK(load_config(directory.path() + "/good.toml").name == "x");
  const std::string bad = directory.path() + "/bad.toml";
  CHECK_THROWS_WITH_AS(load_config(bad), (bad + ":1:1: unknown key 'nme'").c_str(), Error);
  CHECK_THROWS_AS(load_config(directory.path() + "/none.toml"), Error);
  CHECK_THROWS_AS(load_config(directory.path()), Error);
  directory.write("large.toml", std::string(2 << 20, '\n'));
  CHECK_THROWS_AS(load_config(directory.path() + "/large.toml"), Error);
}

#include "triggers/engine.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/unit/triggers/trigger_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

RuleConfig busy_rule(Duration hold, Duration cooldown = 0s) {
  return {"busy", "host.cpu.busy > 90%", hold, cooldown, "--when"};
}

// Drives one engine over ticks of 100 ms.
struct Drive {
  explicit Drive(const RuleConfig& rule) : engine({rule}, ticks.catalogue()) {}

  // Number of firings in `count` ticks with this value.
  std::size_t cpu(double value, int count) {
    ticks.set("host.cpu.busy", value);
    std::size_t fired = 0;
    for (int i = 0; i < count; ++i) {
      ticks.tick();
      for (const Firing& firing : engine.evaluate(ticks.history(), ticks.now())) {
        last = firing;
        ++fired;
      }
    }
    return fired;
  }
  RuleStatus status() const { return engine.status().front(); }
  std::size_t logged(std::string_view event) const {
    std::size_t count = 0;
    for (const LedgerEntry& entry : engine.ledger()) count += entry.event == event;
    return count;
  }

  Ticks ticks;
  Engine engine;
  Firing last;
};

}  // namespace

TEST_CASE("engine: fires once, at the tick where the condition has held for long enough") {
  Drive drive(busy_rule(1s));
  CHECK(drive.cpu(10, 20) == 0);
  CHECK(drive.cpu(95, 10) == 0);  // 0.9 s
  CHECK(drive.status().state == "holding");
  CHECK(drive.cpu(96, 1) == 1);
  CHECK(drive.last.time == drive.ticks.now());
  CHECK(drive.last.time - drive.last.since == 1s);
  CHECK(drive.last.value == 96);
  CHECK(drive.last.value_text == "96.0 %");
  CHECK(drive.last.evidence == "host.cpu.busy > 90% held for 1.00 s; value 96.0 %");
  CHECK(drive.cpu(95, 100) == 0);  // one episode
  CHECK(drive.status().state == "active");
  CHECK(drive.status().fired == 1);
}

TEST_CASE("engine: a break starts the hold anew") {
  Drive drive(busy_rule(1s));
  CHECK(drive.cpu(95, 10) == 0);
  CHECK(drive.cpu(10, 1) == 0);
  CHECK(drive.cpu(95, 10) == 0);
  CHECK(drive.cpu(95, 1) == 1);
}

TEST_CASE("engine: without a hold it fires at once, and re-arms when false") {
  Drive drive(busy_rule(0s));
  CHECK(drive.cpu(95, 1) == 1);
  CHECK(drive.last.evidence == "host.cpu.busy > 90%; value 95.0 %");
  CHECK(drive.cpu(95, 5) == 0);
  CHECK(drive.cpu(10, 1) == 0);
  CHECK(drive.cpu(95, 5) == 1);
}

TEST_CASE("engine: unknown does not fire and breaks the hold") {
  Drive drive(busy_rule(1s));
  CHECK(drive.cpu(95, 8) == 0);
  CHECK(drive.cpu(kUnknown, 1) == 0);
  CHECK(drive.status().state == "unknown");
  CHECK(std::isnan(drive.status().value));
  CHECK(drive.cpu(95, 10) == 0);
  CHECK(drive.cpu(95, 1) == 1);
  CHECK(drive.logged("unknown") == 1);
  CHECK(drive.logged("known") == 1);
}

TEST_CASE("engine: unknown does not re-arm a rule that is active") {
  Drive drive(busy_rule(0s));
  CHECK(drive.cpu(95, 1) == 1);
  CHECK(drive.cpu(kUnknown, 5) == 0);
  CHECK(drive.cpu(95, 5) == 0);
  CHECK(drive.cpu(10, 1) == 0);
  CHECK(drive.cpu(95, 1) == 1);
}

TEST_CASE("engine: the cooldown suppresses, counts and says so") {
  Drive drive(busy_rule(0s, 10s));
  CHECK(drive.cpu(95, 1) == 1);
  CHECK(drive.cpu(10, 10) == 0);
  CHECK(drive.status().state == "cooling");
  CHECK(drive.cpu(95, 10) == 0);
  CHECK(drive.cpu(10, 1) == 0);
  CHECK(drive.cpu(95, 1) == 0);
  CHECK(drive.status().suppressed == 2);
  CHECK(drive.logged("suppressed") == 2);
  CHECK(drive.cpu(10, 100) == 0);
  CHECK(drive.cpu(95, 1) == 1);
  CHECK(drive.status().fired == 2);
}

TEST_CASE("engine: an episode that outlives the cooldown of the one before is not lost") {
  Drive drive(busy_rule(0s, 10s));
  CHECK(drive.cpu(95, 1) == 1);
  CHECK(drive.cpu(10, 1) == 0);
  CHECK(drive.cpu(95, 97) == 0);
  CHECK(drive.status().suppressed == 1);
  CHECK(drive.cpu(95, 10) == 1);
}

TEST_CASE("engine: an episode that began before its own cooldown ended does not fire again by lasting") {
  Drive drive(busy_rule(0s, 1s));
  CHECK(drive.cpu(95, 100) == 1);
}

TEST_CASE("engine: an exit fires its rule, and nothing before") {
  Ticks ticks;
  Engine engine({{"crash", "exit.signal == SIGSEGV or exit.code != 0", 0s, 5min, "--when"}}, ticks.catalogue());
  for (int i = 0; i < 10; ++i) {
    ticks.tick();
    CHECK(engine.evaluate(ticks.history(), ticks.now()).empty());
  }
  ticks.set("exit.code", 3).tick();
  const auto firings = engine.evaluate(ticks.history(), ticks.now());
  REQUIRE(firings.size() == 1);
  CHECK(firings[0].value == 3);
  CHECK_THROWS_AS(Engine({{"crash", "exit.code != 0", 1s, 5min, "--when"}}, ticks.catalogue()), ExpressionError);
}

TEST_CASE("engine: each exit fires anew, and all is calm between") {
  Ticks ticks;
  Engine engine({{"crash", "exit.signal == SIGSEGV", 0s, 1min, "--when"}}, ticks.catalogue());
  const auto step = [&](double signal) { return ticks.set("exit.signal", signal).tick(), engine.evaluate(ticks.history(), ticks.now()).size(); };
  CHECK(step(11) == 1);
  CHECK_FALSE(engine.calm());
  CHECK(step(kUnknown) == 0);
  CHECK(engine.calm());
  CHECK(engine.ended().empty());
  CHECK(step(11) == 0);  // cools down
  ticks.tick(600);
  CHECK(step(kUnknown) == 0);
  CHECK(step(11) == 1);
  CHECK(engine.status()[0].fired == 2);
  CHECK(engine.status()[0].suppressed == 1);
}

TEST_CASE("engine: a limit that comes with a reload counts what fired before it") {
  Drive drive(busy_rule(0s, 0s));
  CHECK(drive.cpu(95, 1) + drive.cpu(10, 1) + drive.cpu(95, 1) + drive.cpu(10, 1) == 2);
  RuleConfig limited = busy_rule(0s, 0s);
  limited.max_per_day = 1;
  drive.engine.reload({limited}, drive.ticks.catalogue(), drive.ticks.now());
  CHECK(drive.cpu(95, 1) == 0);
  CHECK(drive.engine.ledger().back().text == "fired 2 times within 24 h, its max_per_day is 1");
}

TEST_CASE("engine: rules are independent, in the order given") {
  Ticks ticks;
  Engine engine({{"a", "host.cpu.busy > 90%", 0s, 0s, ""},
                 {"b", "host.mem.free < 1MB", 0s, 0s, ""},
                 {"c", "host.cpu.busy > 1%", 0s, 0s, ""}},
                ticks.catalogue());
  ticks.set("host.cpu.busy", 95).set("host.mem.free", 2 * kMegabyte).tick();
  const auto firings = engine.evaluate(ticks.history(), ticks.now());
  REQUIRE(firings.size() == 2);
  CHECK(firings[0].rule == "a");
  CHECK(firings[1].rule == "c");
}

TEST_CASE("engine: with `clear` it is one episode until that holds, and the end is told once") {
  RuleConfig rule = busy_rule(0s);
  rule.clear = "50%";
  Drive drive(rule);
  CHECK(drive.cpu(95, 1) == 1);
  CHECK(drive.cpu(60, 5) == 0);  // neither: it goes on
  CHECK(drive.status().state == "active");
  CHECK(drive.cpu(95, 5) == 0);
  CHECK(drive.cpu(kUnknown, 3) == 0);
  CHECK(drive.engine.ended().empty());
  CHECK(drive.cpu(50, 1) == 0);
  REQUIRE(drive.engine.ended().size() == 1);
  const EpisodeEnd end = drive.engine.ended().front();
  CHECK(end.rule == "busy");
  CHECK(end.time == drive.ticks.now());
  CHECK(end.time - end.onset == 1400ms);
  CHECK(end.value == 50);
  CHECK(end.evidence == "host.cpu.busy > 90%: cleared after 1.40 s; value 50.0 %");
  CHECK(drive.cpu(50, 1) == 0);
  CHECK(drive.engine.ended().empty());
  CHECK(drive.cpu(95, 1) == 1);
}

TEST_CASE("engine: `clear` may ask for something else; while `when` holds it is not over") {
  RuleConfig rule = busy_rule(0s);
  rule.clear = "host.mem.free > 10MB";
  Drive drive(rule);
  drive.ticks.set("host.mem.free", 20 * kMegabyte);
  CHECK(drive.cpu(95, 3) == 1);
  CHECK(drive.status().state == "active");
  drive.ticks.set("host.mem.free", 5 * kMegabyte);
  CHECK(drive.cpu(10, 3) == 0);
  CHECK(drive.status().state == "active");
  drive.ticks.set("host.mem.free", 20 * kMegabyte);
  CHECK(drive.cpu(10, 1) == 0);
  CHECK(drive.status().state == "quiet");
}

TEST_CASE("engine: at most max_per_day in any 24 hours, and what is kept back is told") {
  RuleConfig rule = busy_rule(0s);
  rule.max_per_day = 2;
  Drive drive(rule);
  drive.ticks.step(1h);
  CHECK(drive.cpu(95, 1) == 1);  // hour 1
  drive.cpu(10, 1);
  CHECK(drive.cpu(95, 1) == 1);  // hour 3
  drive.cpu(10, 1);
  CHECK(drive.cpu(95, 1) == 0);
  CHECK(drive.status().suppressed == 1);
  CHECK(drive.engine.ledger().back().text == "fired 2 times within 24 h, its max_per_day is 2");
  CHECK(drive.cpu(10, 18) == 0);  // hour 23
  CHECK(drive.cpu(95, 1) == 0);
  CHECK(drive.cpu(95, 1) == 1);  // hour 25: the first is a day ago
}

TEST_CASE("engine: a rule counts only while armed_when holds; an episode goes on without it") {
  RuleConfig rule = busy_rule(200ms);
  rule.armed_when = "process.threads > 3";
  Drive drive(rule);
  CHECK(drive.cpu(95, 5) == 0);  // unknown does not arm
  CHECK(drive.status().state == "disarmed");
  drive.ticks.set("process.threads", 2);
  CHECK(drive.cpu(95, 5) == 0);
  CHECK(std::isnan(drive.status().extreme));
  drive.ticks.set("process.threads", 4);
  CHECK(drive.cpu(95, 2) == 0);  // the hold begins when it counts
  CHECK(drive.cpu(95, 1) == 1);
  drive.ticks.set("process.threads", 2);
  CHECK(drive.cpu(95, 2) == 0);
  CHECK(drive.status().state == "active");
  CHECK(drive.cpu(10, 1) == 0);
  CHECK(drive.engine.ended().size() == 1);
  CHECK(drive.status().state == "disarmed");
  CHECK(drive.logged("disarmed") == 2);
  CHECK(drive.logged("rearmed") == 1);
}

TEST_CASE("engine: what is still active at the end of the session ends with it; what happens once does not") {
  Ticks ticks;
  Engine engine({busy_rule(0s), {"crash", "exit.code != 0", 0s, 5min, "--when"}}, ticks.catalogue());
  ticks.set("host.cpu.busy", 95).set("exit.code", 3).tick();
  CHECK(engine.evaluate(ticks.history(), ticks.now()).size() == 2);
  const auto ended = engine.close(ticks.now() + 1s, "still true when the recorder ended,");
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].rule == "busy");
  CHECK(ended[0].evidence == "host.cpu.busy > 90%: still true when the recorder ended, after 1.00 s; value 95.0 %");
  CHECK(engine.close(ticks.now() + 1s, "again").empty());
}

TEST_CASE("engine: a reload keeps episodes, cooldowns and counts; a bad one changes nothing") {
  Drive drive(busy_rule(0s, 10s));
  CHECK(drive.cpu(95, 1) == 1);
  const auto reload = [&](std::vector<RuleConfig> rules) { return drive.engine.reload(rules, drive.ticks.catalogue(), drive.ticks.now()); };
  RuleConfig raised = busy_rule(0s, 10s);
  raised.when = "host.cpu.busy > 96%";
  CHECK(reload({raised}).empty());
  CHECK(drive.status().fired == 1);
  CHECK(drive.cpu(95, 1) == 0);
  REQUIRE(drive.engine.ended().size() == 1);
  CHECK(drive.cpu(97, 1) == 0);
  CHECK(drive.status().suppressed == 1);  // it cools down still
  RuleConfig bad = raised;
  bad.when = "host.cpu.bsy > 1%";
  CHECK_THROWS_AS(reload({raised, bad}), ExpressionError);
  CHECK(drive.engine.status().size() == 1);
  raised.cooldown = 0s;
  CHECK(reload({raised}).empty());
  CHECK(drive.cpu(97, 1) == 1);
  const auto gone = reload({});
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].evidence.find("rule taken away") != std::string::npos);
  CHECK(drive.engine.status().empty());
}

TEST_CASE("engine: a drill is a firing that changes nothing") {
  Drive drive(busy_rule(0s, 10s));
  drive.cpu(12, 1);
  const auto firing = drive.engine.drill("busy", drive.ticks.now());
  REQUIRE(firing);
  CHECK(firing->value == 12);
  CHECK(firing->evidence == "host.cpu.busy > 90%; a drill: fired by hand, its value was 12.0 %");
  CHECK(drive.status().fired == 0);
  CHECK(drive.cpu(95, 1) == 1);
  CHECK_FALSE(drive.engine.drill("other", drive.ticks.now()));
}

TEST_CASE("engine: the near miss is kept, above and below") {
  Drive drive(busy_rule(0s));
  CHECK(std::isnan(drive.status().extreme));
  drive.cpu(50, 3);
  drive.cpu(88, 1);
  drive.cpu(20, 5);
  CHECK(drive.status().extreme == 88);

  Ticks ticks;
  Engine low({{"low", "host.mem.free < 10MB", 0s, 0s, ""}}, ticks.catalogue());
  for (const double free : {40.0, 12.0, 90.0}) {
    ticks.set("host.mem.free", free * kMegabyte).tick();
    low.evaluate(ticks.history(), ticks.now());
  }
  CHECK(low.status().front().extreme == 12 * kMegabyte);
}

TEST_CASE("engine: an error names the place in the file") {
  const auto refusal = [](const std::string& where) -> std::string {
    try {
      Engine({{"bad", "host.cpu.busy > 1% or host.cpu.bsy > 1%", 0s, 0s, where}}, small_catalogue());
    } catch (const ExpressionError& error) {
      CHECK(error.hint().find("host.cpu.busy") != std::string::npos);
      return error.what();
    }
    return "";
  };
  CHECK(refusal("fdr.toml:12:9") == "fdr.toml:12:31: unknown metric 'host.cpu.bsy'");
  CHECK(refusal("--when") == "--when: column 23: unknown metric 'host.cpu.bsy'");
  CHECK(refusal("") == "column 23: unknown metric 'host.cpu.bsy'");
}

TEST_CASE("engine: the sentence of a rule") {
  Drive drive(busy_rule(1s, 5min));
  CHECK(drive.status().sentence ==
        "fires when host.cpu.busy (% of all CPUs, of the host) is above 90 %, without a break for 1 s; at most once in "
        "5 m");
  RuleConfig full = busy_rule(0s, 5min);
  full.clear = "50%";
  full.armed_when = "process.threads > 3";
  full.max_per_day = 3;
  full.after = 20s;
  CHECK(Drive(full).status().sentence ==
        "fires when host.cpu.busy (% of all CPUs, of the host) is above 90 %, and counts only while process.threads (count, "
        "of all targets) is above 3; at most once in 5 m and 3 times in 24 h; is over when host.cpu.busy (% of all CPUs, of "
        "the host) is at most 50 %; its bundle goes on for 20 s");
}

TEST_CASE("ledger: changes, not ticks; one JSON object a line") {
  Drive drive(busy_rule(0s));
  drive.cpu(10, 50);
  drive.cpu(95, 50);
  drive.cpu(10, 50);
  std::vector<std::string> events;
  for (const LedgerEntry& entry : drive.engine.ledger()) events.push_back(entry.event);
  CHECK(events == std::vector<std::string>{"armed", "holds", "fired", "clears"});

  drive.engine.note({drive.ticks.now(), "", "note", kUnknown, "name with \xff and \"quotes\"\n"});
  ClockAnchor anchor;
  anchor.realtime_ns = 1'772'368'883'000'000'000;
  std::istringstream lines(ledger_ndjson(drive.engine.ledger(), anchor));
  std::string line;
  std::vector<nlohmann::json> parsed;
  while (std::getline(lines, line)) parsed.push_back(nlohmann::json::parse(line));
  REQUIRE(parsed.size() == 5);
  CHECK(parsed[2]["event"] == "fired");
  CHECK(parsed[2]["value"] == 95);
  CHECK(parsed[2]["rule"] == "busy");
  CHECK(parsed[0]["time"].get<std::string>().starts_with("2026-03-01T12:41:2"));
  CHECK(parsed[4]["value"].is_null());
}

TEST_CASE("ledger: bounded, and what fell out is counted") {
  Drive drive(busy_rule(0s));
  for (int i = 0; i < 25'000; ++i)
    drive.engine.note({from_ns(static_cast<std::uint64_t>(i)), "", "note", double(i), ""});
  const auto& ledger = drive.engine.ledger();
  CHECK(ledger.size() <= 10'000);
  CHECK(ledger.size() > 8'000);
  CHECK(ledger.back().value == 24'999);
  CHECK(ledger.front().event == "dropped");
  CHECK(ledger.front().value + static_cast<double>(ledger.size()) - 1 == 25'000);
}

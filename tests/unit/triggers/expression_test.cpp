#include "triggers/expression.hpp"

#include <doctest/doctest.h>

#include "tests/unit/triggers/trigger_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

enum class Truth { kFalse, kTrue, kUnknown };

Truth truth(const Ticks& ticks, std::string_view text) {
  const auto holds = Expression::parse(text, ticks.catalogue()).evaluate(ticks.history(), ticks.now()).holds;
  return !holds ? Truth::kUnknown : *holds ? Truth::kTrue : Truth::kFalse;
}

bool holds(const Ticks& ticks, std::string_view text) { return truth(ticks, text) == Truth::kTrue; }
bool fails(const Ticks& ticks, std::string_view text) { return truth(ticks, text) == Truth::kFalse; }
bool unknown(const Ticks& ticks, std::string_view text) { return truth(ticks, text) == Truth::kUnknown; }

struct Refusal {
  std::size_t column = 0;
  std::string what, hint;
};

Refusal refusal(std::string_view text) {
  try {
    Expression::parse(text, small_catalogue());
  } catch (const ExpressionError& error) {
    return {error.column(), error.what(), error.hint()};
  }
  return {};
}

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("every comparison: holds and does not") {
  Ticks ticks;
  ticks.set("host.cpu.busy", 30).tick();
  CHECK(holds(ticks, "host.cpu.busy > 29%"));
  CHECK(fails(ticks, "host.cpu.busy > 30%"));
  CHECK(holds(ticks, "host.cpu.busy >= 30%"));
  CHECK(fails(ticks, "host.cpu.busy >= 30.1%"));
  CHECK(holds(ticks, "host.cpu.busy < 31%"));
  CHECK(fails(ticks, "host.cpu.busy < 30%"));
  CHECK(holds(ticks, "host.cpu.busy <= 30%"));
  CHECK(fails(ticks, "host.cpu.busy <= 29%"));
  CHECK(holds(ticks, "host.cpu.busy == 30%"));
  CHECK(fails(ticks, "host.cpu.busy == 31%"));
  CHECK(holds(ticks, "host.cpu.busy != 31%"));
  CHECK(fails(ticks, "host.cpu.busy != 30%"));
}

TEST_CASE("the number may stand on the left, and two metrics of one unit may be compared") {
  Ticks ticks;
  ticks.set("host.cpu.busy", 30).set("host.mem.free", 10).set("host.mem.cached", 20).tick();
  CHECK(holds(ticks, "29% < host.cpu.busy"));
  CHECK(fails(ticks, "30% < host.cpu.busy"));
  CHECK(holds(ticks, "31% >= host.cpu.busy"));
  CHECK(holds(ticks, "host.mem.free < host.mem.cached"));
  CHECK(fails(ticks, "host.mem.free > host.mem.cached"));
}

TEST_CASE("units are scaled to the base unit") {
  Ticks ticks;
  ticks.set("host.mem.free", 3 * kMegabyte).set("beat.bfd.age", 1.3).tick();
  CHECK(holds(ticks, "host.mem.free == 3MB"));
  CHECK(holds(ticks, "host.mem.free == 3072 KB"));
  CHECK(holds(ticks, "host.mem.free<1GB"));
  CHECK(holds(ticks, "beat.bfd.age > 1200ms"));
  CHECK(fails(ticks, "beat.bfd.age > 1.4s"));
  CHECK(fails(ticks, "beat.bfd.age > 1m"));
}

TEST_CASE("delta is signed, and unknown until the history reaches back") {
  Ticks ticks;
  ticks.set("host.mem.free", 100 * kMegabyte).tick(10);
  CHECK(unknown(ticks, "delta(host.mem.free, 1s) > 300MB"));
  ticks.set("host.mem.free", 500 * kMegabyte).tick();
  CHECK(holds(ticks, "delta(host.mem.free, 1s) > 300MB"));
  CHECK(fails(ticks, "delta(host.mem.free, 1s) < -300MB"));
  ticks.tick(10);
  CHECK(fails(ticks, "delta(host.mem.free, 1s) > 300MB"));
  ticks.set("host.mem.free", 0).tick();
  CHECK(holds(ticks, "delta(host.mem.free, 1s) < -300MB"));
}

TEST_CASE("delta after a late tick is of the duration asked for, not of the gap") {
  Ticks ticks;
  ticks.set("host.mem.free", 0).tick(20);
  ticks.step(10s).set("host.mem.free", 1000 * kMegabyte).tick();
  CHECK(holds(ticks, "delta(host.mem.free, 1s) > 99MB"));
  CHECK(fails(ticks, "delta(host.mem.free, 1s) > 101MB"));
}

TEST_CASE("rate is per second; a counter that went back is unknown") {
  Ticks ticks;
  for (int i = 0; i <= 20; ++i) ticks.set("process.syscalls", i * 100).set("host.swap.in", i * kMegabyte).tick();
  CHECK(holds(ticks, "rate(process.syscalls) > 999"));
  CHECK(holds(ticks, "rate(process.syscalls) > 999/s"));
  CHECK(fails(ticks, "rate(process.syscalls) > 1001/s"));
  CHECK(holds(ticks, "rate(process.syscalls, 500ms) >= 999/s"));
  CHECK(holds(ticks, "rate(host.swap.in) > 9MB/s"));
  CHECK(fails(ticks, "rate(host.swap.in) > 11 MB/s"));
  ticks.set("process.syscalls", 0).tick();
  CHECK(unknown(ticks, "rate(process.syscalls) > 1"));
}

TEST_CASE("avg, min, max over a span") {
  Ticks ticks;
  ticks.set("host.cpu.busy", 10).tick(6).set("host.cpu.busy", 90).tick(5);
  CHECK(holds(ticks, "avg(host.cpu.busy, 1s) == 50%"));
  CHECK(fails(ticks, "avg(host.cpu.busy, 1s) > 50%"));
  CHECK(holds(ticks, "min(host.cpu.busy, 1s) < 11%"));
  CHECK(fails(ticks, "min(host.cpu.busy, 500ms) < 11%"));
  CHECK(holds(ticks, "max(host.cpu.busy, 500ms) > 80%"));
  ticks.set("host.cpu.busy", 10).tick(5);
  CHECK(fails(ticks, "max(host.cpu.busy, 500ms) > 80%"));
  CHECK(unknown(ticks, "avg(host.cpu.busy, 2s) > 1%"));
}

TEST_CASE("p99: the least value that 99 of 100 do not exceed") {
  Ticks ticks;
  for (int i = 200; i >= 1; --i) ticks.set("process.threads", i).tick();
  CHECK(unknown(ticks, "p99(process.threads, 20s) == 198"));  // one tick short
  ticks.set("process.threads", 0).tick();
  CHECK(holds(ticks, "p99(process.threads, 20s) == 197"));  // of 0 .. 199
  CHECK(holds(ticks, "p99(process.threads, 100ms) == 0"));
  CHECK(holds(ticks, "p99(process.threads, 1s) == 9"));
  CHECK(refusal("p99(process.threads) > 3").hint == "for example: p99(process.threads, 1s)");
  CHECK(refusal("p95(process.threads, 1s) > 3").hint == "did you mean p99");
}

TEST_CASE("avg speaks for the known ticks, and not when most are unknown") {
  Ticks ticks;
  ticks.set("host.cpu.busy", 40).tick(7).set("host.cpu.busy", kUnknown).tick(3).set("host.cpu.busy", 40).tick(1);
  CHECK(holds(ticks, "avg(host.cpu.busy, 1s) == 40%"));
  ticks.set("host.cpu.busy", kUnknown).tick(4).set("host.cpu.busy", 40).tick(1);
  CHECK(unknown(ticks, "avg(host.cpu.busy, 1s) == 40%"));
  ticks.tick(10).set("host.cpu.busy", kUnknown).tick();
  CHECK(unknown(ticks, "max(host.cpu.busy, 1s) > 1%"));
}

TEST_CASE("and, or, not, parentheses: `and` binds tighter than `or`, `not` tightest") {
  Ticks ticks;
  ticks.set("host.cpu.busy", 30).set("host.mem.free", kMegabyte).tick();
  const std::string yes = "host.cpu.busy > 1%", no = "host.cpu.busy > 99%";
  CHECK(holds(ticks, yes + " and " + yes));
  CHECK(fails(ticks, yes + " and " + no));
  CHECK(holds(ticks, no + " or " + yes));
  CHECK(fails(ticks, no + " or " + no));
  CHECK(holds(ticks, "not " + no));
  CHECK(fails(ticks, "not " + yes));
  CHECK(holds(ticks, yes + " or " + no + " and " + no));
  CHECK(fails(ticks, "(" + yes + " or " + no + ") and " + no));
  CHECK(fails(ticks, "not " + yes + " and " + no));
  CHECK(holds(ticks, "not (" + yes + " and " + no + ")"));
  CHECK(holds(ticks, "not not " + yes));
}

TEST_CASE("three values: unknown stays unknown where it could decide") {
  Ticks ticks;
  ticks.set("host.cpu.busy", 30).tick();
  const std::string yes = "host.cpu.busy > 1%", no = "host.cpu.busy > 99%", dunno = "host.mem.free > 1MB";
  CHECK(unknown(ticks, dunno));
  CHECK(unknown(ticks, "host.mem.free != 1MB"));
  CHECK(unknown(ticks, "not " + dunno));
  CHECK(unknown(ticks, dunno + " and " + yes));
  CHECK(fails(ticks, dunno + " and " + no));
  CHECK(fails(ticks, no + " and " + dunno));
  CHECK(holds(ticks, dunno + " or " + yes));
  CHECK(unknown(ticks, dunno + " or " + no));
  CHECK(unknown(ticks, "not (" + dunno + " or " + no + ")"));
  CHECK(Expression::parse(dunno, ticks.catalogue()).evaluate(ticks.history(), ticks.now()).unknown == "host.mem.free");
}

TEST_CASE("signals by name") {
  Ticks ticks;
  ticks.set("exit.signal", 11).tick();
  CHECK(holds(ticks, "exit.signal == SIGSEGV"));
  CHECK(fails(ticks, "exit.signal == SIGABRT"));
  CHECK(refusal("exit.signal == SIGSEGF").hint == "did you mean SIGSEGV");
}

TEST_CASE("the verdict carries the comparison that decided") {
  Ticks ticks;
  ticks.set("host.cpu.busy", 30).set("host.mem.free", 2 * kMegabyte).tick();
  const auto verdict = [&](std::string_view text) {
    return Expression::parse(text, ticks.catalogue()).evaluate(ticks.history(), ticks.now());
  };
  CHECK(verdict("host.cpu.busy > 99% or host.mem.free > 1MB").value == 2 * kMegabyte);
  CHECK(verdict("host.cpu.busy > 99% or host.mem.free > 1MB").unit == Unit::kBytes);
  CHECK(verdict("host.cpu.busy > 1% and host.mem.free > 1GB").unit == Unit::kBytes);
  CHECK(verdict("60% < host.cpu.busy").distance == doctest::Approx(0.5));
  CHECK(verdict("host.cpu.busy > 20%").distance < 0);
}

TEST_CASE("unknown names: column and the nearest names") {
  const Refusal typo = refusal("host.cpu.busy > 3% and host.mem.fre > 1MB");
  CHECK(typo.what == "unknown metric 'host.mem.fre'");
  CHECK(typo.column == 24);
  CHECK(says(typo.hint, "did you mean host.mem.free"));
  CHECK(says(refusal("zzzzzzzzz > 1").hint, "fdr doctor --metrics"));
  CHECK(says(refusal("host.mem > 1MB").hint, "host.mem.free"));
  CHECK(refusal("process[wbe].cpu.total > 1%").what == "no target is named 'wbe'");
  CHECK(refusal("process[wbe].cpu.total > 1%").hint == "targets: web");
  CHECK(refusal("process[web].threads > 1").hint == "did you mean process.threads");
  CHECK(says(refusal("syscall.opnat.errors > 1").what, "no system call is named 'opnat'"));
  CHECK(says(refusal("syscall.opnat.errors > 1").hint, "openat"));
  CHECK(says(refusal("syscall.read.speed > 1").hint, "rate, errors, latency and longest"));
  CHECK(says(refusal("log.errors > 200").what, "no log is named 'errors'"));
  CHECK(refusal("dleta(host.mem.free, 1s) > 1MB").hint == "did you mean delta");
}

TEST_CASE("units must fit: column of the number, and an example") {
  const Refusal bytes = refusal("host.cpu.busy > 300MB");
  CHECK(bytes.column == 17);
  CHECK(says(bytes.what, "host.cpu.busy is in %"));
  CHECK(bytes.hint == "write for example 30%");
  CHECK(says(refusal("host.cpu.busy > 30").what, "has no unit"));
  CHECK(says(refusal("host.mem.free < 0").what, "has no unit"));
  CHECK(refusal("process.threads > 100").column == 0);
  CHECK(refusal("process.threads > 100MB").column == 19);
  CHECK(refusal("process.threads > 100/s").column == 19);
  CHECK(refusal("rate(host.swap.in) > 10MB").hint == "write for example 300MB/s");
  CHECK(refusal("host.mem.free > 10MB/s").column == 17);
  CHECK(refusal("host.mem.free > beat.bfd.age").column == 17);
  CHECK(refusal("beat.bfd.age > 3parsecs").column == 17);
  CHECK(refusal("rate(process.syscalls) > 3/m").column == 27);
}

TEST_CASE("a bare counter, a number alone and a threshold out of reach are refused") {
  CHECK(refusal("process.syscalls > 1000").hint == "compare how fast it grows: rate(process.syscalls)");
  CHECK(refusal("avg(process.syscalls, 1s) > 1000").column == 5);
  CHECK(refusal("host.cpu.busy").hint == "compare it: host.cpu.busy > 30%");
  CHECK(refusal("3 > 2").what == "both sides are numbers");
  CHECK(says(refusal("host.cpu.busy > 150%").what, "never above 100"));
  CHECK(says(refusal("host.cpu.busy > 100%").what, "never above 100"));
  CHECK(refusal("host.cpu.busy >= 100%").column == 0);
  CHECK(refusal("process.cpu.total > 150%").column == 0);
  CHECK(says(refusal("delta(exit.code, 1s) > 1").what, "happens once"));
}

TEST_CASE("malformed text: always an error with a column, never anything else") {
  CHECK(refusal("").column == 1);
  CHECK(refusal("host.cpu.busy >").column == 16);
  CHECK(refusal("host.cpu.busy > 1% and").column == 23);
  CHECK(refusal("(host.cpu.busy > 1%").column == 20);
  CHECK(refusal("host.cpu.busy > 1%)").column == 19);
  CHECK(refusal("1% < host.cpu.busy < 3%").column == 20);
  CHECK(refusal("host.cpu.busy = 1%").hint == "write == to compare");
  CHECK(refusal("host.cpu.busy > 1% && host.cpu.busy > 1%").hint == "write `and`");
  CHECK(refusal("host.cpu.busy > 1% for 3s").column == 20);
  CHECK(refusal("delta(host.mem.free) > 1MB").column == 20);
  CHECK(refusal("delta(host.mem.free, 1MB) > 1MB").column == 22);
  CHECK(refusal("delta(host.mem.free, 0s) > 1MB").column == 22);
  CHECK(refusal("delta(host.mem.free, -1s) > 1MB").column == 22);
  CHECK(refusal("delta(host.mem.free, 9e99h) > 1MB").column == 22);
  CHECK(refusal("process[web.cpu.total > 1%").column == 8);
  CHECK(refusal("host.cpu.busy > 1e999%").column == 17);
  CHECK(refusal("host.mem.free > 1e308TB").column == 17);
}

TEST_CASE("hostile text is bounded") {
  using namespace std::string_view_literals;
  CHECK(refusal("host.cpu.busy > 1%\0 or x"sv).column == 19);
  CHECK(says(refusal("host.cpu.busy > 1% \x1b[2J"sv).what, "\\x1B") +
        says(refusal("host.cpu.busy > 1% \x1b[2J"sv).what, "\\x1b"));
  CHECK(says(refusal(std::string(2000, '(')).what, "nested too deeply"));
  std::string nots;
  for (int i = 0; i < 900; ++i) nots += "not ";
  CHECK(says(refusal(nots + "host.cpu.busy > 1%").what, "nested too deeply"));
  CHECK(says(refusal(std::string(5000, 'a')).what, "longer than"));
  std::string chain = "host.cpu.busy > 1%";
  while (chain.size() < 4000) chain += " or host.cpu.busy > 1%";
  CHECK(refusal(chain).column == 0);
  // Every prefix of a valid text and every byte in it: parsed or refused with a column.
  const std::string valid =
      "not (delta(host.mem.free, 1.5s) > -300MB/s or process[web].cpu.total <= 3e1 %) and exit.signal == SIGSEGV";
  for (std::size_t cut = 0; cut <= valid.size(); ++cut) {
    try {
      Expression::parse(valid.substr(0, cut), small_catalogue());
    } catch (const ExpressionError& error) {
      CHECK(error.column() >= 1);
      CHECK(error.column() <= cut + 1);
    }
  }
  for (int byte = 0; byte < 256; ++byte) {
    std::string text = valid;
    for (std::size_t at = 0; at < text.size(); at += 7) {
      text[at] = static_cast<char>(byte);
      try {
        Expression::parse(text, small_catalogue());
      } catch (const ExpressionError&) {
      }
    }
  }
}

TEST_CASE("a sentence says what, of whom, on what base, over how long") {
  const MetricCatalogue catalogue = small_catalogue();
  const auto sentence = [&](std::string_view text) { return Expression::parse(text, catalogue).sentence(catalogue); };
  CHECK(sentence("delta(host.mem.free, 1s) > 300MB") ==
        "host.mem.free (bytes, of the host) rises by more than 300 MB within 1 s");
  CHECK(sentence("delta(host.mem.free, 1s) < -300MB") ==
        "host.mem.free (bytes, of the host) falls by more than 300 MB within 1 s");
  CHECK(sentence("process[web].cpu.total > 30%") ==
        "process[web].cpu.total (% of one CPU, of target web) is above 30 %");
  CHECK(sentence("avg(host.cpu.busy, 10s) >= 90% and not exit.code == 0") ==
        "the mean of host.cpu.busy (% of all CPUs, of the host) over 10 s is at least 90 % and it is not so that "
        "(exit.code (exit code, of all targets) is 0)");
  CHECK(sentence("rate(process.syscalls) > 1000/s") ==
        "the growth of process.syscalls (count, of all targets) per second, over 1 s, is above 1000/s");
}

TEST_CASE("the clearing threshold stands on the quiet side, with the unit of the rule") {
  const MetricCatalogue catalogue = small_catalogue();
  const auto clear = [&](const char* text, const char* when) {
    return Expression::parse_clear(text, Expression::parse(when, catalogue), catalogue).sentence(catalogue);
  };
  CHECK(clear("20%", "host.cpu.busy > 30%").ends_with("is at most 20 %"));
  CHECK(clear("30%", "host.cpu.busy >= 30%").ends_with("is below 30 %"));
  CHECK(clear("20MB", "host.mem.free < 10MB").ends_with("is at least 20 MB"));
  CHECK(clear("500", "rate(process.syscalls, 2s) > 1000").ends_with("is at most 500"));
  CHECK(clear("host.mem.free > 1GB", "host.cpu.busy > 30% and exit.code == 0").ends_with("is above 1 GB"));
  CHECK_THROWS_AS(clear("31%", "host.cpu.busy > 30%"), ExpressionError);
  CHECK_THROWS_AS(clear("9MB", "host.mem.free < 10MB"), ExpressionError);
  CHECK_THROWS_AS(clear("9", "host.mem.free < 10MB"), ExpressionError);
  CHECK_THROWS_AS(clear("9", "process.threads == 10"), ExpressionError);
  CHECK_THROWS_AS(clear("9MB", "host.mem.free < host.mem.cached"), ExpressionError);
}

TEST_CASE("metrics used and how far back they look") {
  const MetricCatalogue catalogue = small_catalogue();
  const Expression expression = Expression::parse(
      "delta(host.mem.free, 10s) > 1MB or host.mem.free < 1MB or rate(process.syscalls) > 1", catalogue);
  REQUIRE(expression.lookbacks().size() == 2);
  CHECK(expression.lookbacks()[0].metric == *catalogue.find("host.mem.free"));
  CHECK(expression.lookbacks()[0].span == 10s);
  CHECK(expression.lookbacks()[1].span == 1s);
  CHECK(expression.metrics() ==
        std::vector<MetricId>{*catalogue.find("host.mem.free"), *catalogue.find("process.syscalls")});
}

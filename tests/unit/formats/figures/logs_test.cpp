#include "formats/figures/logs.hpp"

#include <doctest/doctest.h>

#include "formats/log_template.hpp"
#include "formats/report/log_section.hpp"
#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using made_case::at;
using made_case::Case;
using made_case::contains;

namespace {

std::string row(double t, const std::string& text) {
  return "{\"monotonic_ns\":" + std::to_string(to_ns(at(t))) + ",\"source\":\"app\",\"text\":\"" + text + "\"}\n";
}

// So many lines a second before and since the onset, all of one kind.
std::string lines(double before, double since, const std::string& text) {
  std::string out = "{\"log\":\"app\",\"place\":\"/var/log/app.log\",\"since_ns\":0,\"lines\":1,\"problem\":\"\"}\n";
  for (double t = made_case::kBegin; before > 0 && t < made_case::kOnset; t += 1 / before) out += row(t, text + std::to_string(1000 + static_cast<int>(t * 10)));
  for (double t = made_case::kOnset + 0.01; since > 0 && t < made_case::kEnd; t += 1 / since) out += row(t, text + std::to_string(1000 + static_cast<int>(t * 10)));
  return out;
}

}  // namespace

TEST_CASE("templates: numbers, ids and quoted strings are replaced, words stay") {
  CHECK(log_template("took 12.5 ms for 3 of 1,024") == "took <n> ms for <n> of <n>");
  CHECK(log_template("12:41:23.456 10.0.0.1:8080 node12 up") == "<n> <n> node<n> up");
  CHECK(log_template("req 5c3fe1a09 at 0x7f00beef, deadbeef dead") == "req <hex> at <hex>, deadbeef dead");
  CHECK(log_template("id 123e4567-e89b-12d3-a456-426614174000!") == "id <uuid>!");
  CHECK(log_template("open \"a b\" failed: can't read 'x'") == "open <str> failed: can't read <str>");
  CHECK(log_template("logger: collector does not take records, 17 waiting") == "logger: collector does not take records, <n> waiting");
  CHECK(log_template(std::string(100'000, '"')).size() <= kMostTemplate + 8);
  CHECK(log_template(std::string(5000, 'x')).size() == kMostTemplate);
  CHECK(log_template("").empty());
}

TEST_CASE("logs.ndjson: what is no row costs itself only") {
  const Logs logs = read_logs("{\"monotonic_ns\":5,\"source\":\"a\",\"text\":\"later\"}\nnonsense\n[]\n{\"monotonic_ns\":\"x\"}\n"
                              "{\"monotonic_ns\":-1,\"text\":\"x\"}\n{\"monotonic_ns\":2,\"source\":7,\"text\":\"first\"}\n{\"log\":\"a\",\"since_ns\":3}\n" +
                              std::string(70'000, '{') + "\n");
  REQUIRE(logs.lines.size() == 2);
  CHECK(logs.lines[0].text == "first");
  CHECK(logs.lines[0].source.empty());
  CHECK(logs.lines[1].source == "a");
  REQUIRE(logs.heads.size() == 1);
  CHECK(logs.heads[0].since == Timestamp{Duration{3}});
  CHECK(logs.damaged == 5);
}

TEST_CASE("groups: counted before and since, a second; no rate where the lines are not kept") {
  const LogSpan span{at(-32), at(-2), at(8)};
  const Logs logs = read_logs(row(-10, "x 1") + row(-1, "x 2") + row(0, "x 3") + row(1, "y") + row(20, "late"));
  const std::vector<LogGroup> groups = group_logs(logs, span);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].text == "x <n>");
  CHECK(groups[0].example == "x 3");
  CHECK(groups[0].quiet == 1);
  CHECK(groups[0].incident == 2);
  CHECK(groups[0].rate == doctest::Approx(0.2));
  REQUIRE(groups[0].rate_before.has_value());
  CHECK(*groups[0].rate_before == doctest::Approx(1 / 30.0));
  CHECK(group_logs(logs, {at(-32), at(-32), at(8)})[0].rate == doctest::Approx(3 / 18.0));  // the onset not known: since its first line
  const Logs pushed_out = read_logs("{\"log\":\"app\",\"since_ns\":" + std::to_string(to_ns(at(-2))) + "}\n" + row(-1, "x"));
  CHECK_FALSE(group_logs(pushed_out, span)[0].rate_before.has_value());
}

TEST_CASE("log burst: an error that comes since the onset speaks, with its words and figures") {
  Case c;
  c.texts["logs.ndjson"] = lines(0.2, 20, "ERROR collector refuses record ");
  const Finding found = c.judged(find_logs, "log-burst");
  CHECK(made_case::is_for(found));
  CHECK(contains(found.title, "error burst: ERROR collector refuses record <n>"));
  CHECK(contains(found.evidence, "log app: "));
  CHECK(found.more == "fdr show BUNDLE logs");
}

TEST_CASE("log burst: a log that says what it always says is ruled out; without logs nothing is said") {
  Case steady;
  steady.texts["logs.ndjson"] = lines(20, 20, "ERROR as ever ");
  CHECK(made_case::is_against(steady.judged(find_logs, "log-burst")));
  Case without;
  CHECK(made_case::is_open(without.judged(find_logs, "log-burst")));
  Case unsplit;
  unsplit.make_manual();
  unsplit.texts["logs.ndjson"] = lines(0, 20, "ERROR ");
  CHECK(made_case::is_open(unsplit.judged(find_logs, "log-burst")));
}

TEST_CASE("log burst: where the lines of the quiet part were pushed out, nothing is compared") {
  Case c;
  c.texts["logs.ndjson"] = "{\"log\":\"app\",\"place\":\"p\",\"since_ns\":" + std::to_string(to_ns(at(made_case::kOnset))) + "}\n" +
                           lines(0, 20, "ERROR ").substr(lines(0, 0, "").size());
  CHECK(made_case::is_open(c.judged(find_logs, "log-burst")));
}

TEST_CASE("the section of a report: templates with rates, and why a log gave nothing, escaped") {
  const LogSpan span{at(-32), at(-2), at(8)};
  const std::string text = log_section(read_logs("{\"log\":\"j\",\"place\":\"journal of x\",\"problem\":\"no \\u001bjournal\"}\n" + row(0, "said 17")), span, "B", ReportStyle{});
  CHECK(contains(text, "said <n>"));
  CHECK(contains(text, "0.10/s"));
  CHECK(contains(text, "j (journal of x): no \\x1bjournal"));
  CHECK(log_section({}, span, "B", ReportStyle{}).empty());
}

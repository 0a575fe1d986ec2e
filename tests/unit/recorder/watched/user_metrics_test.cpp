#include "recorder/watched/user_metrics.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "recorder/endpoints/http_get.hpp"
#include "recorder/logs/number_text.hpp"
#include "recorder/logs/pattern.hpp"
#include "recorder/watched/prometheus.hpp"

using namespace fdr;
using namespace std::chrono_literals;

namespace {

constexpr const char* kPage = R"(# HELP http_requests_total The total.
# TYPE http_requests_total counter
http_requests_total{method="get",code="200"} 1027 1395066363000
http_requests_total{method="post",code="500",path="/a\"b\\c\n"} 3.5
http_requests_total{ code = "500" , method="put", } 1e1 # {trace="x"} 0.1
http_requests_totally 99
no_labels +Inf
broken{a="b 7
broken{a=} 7
http_requests_total{code="500"} NaN
process_open_fds 42
)";

std::size_t offset_of(const char* selector) {
  try {
    parse_series_selector(selector);
  } catch (const SeriesError& error) {
    return error.offset;
  }
  return 9999;
}

UserMetricConfig metric(const std::string& series, const std::string& pattern = {}) {
  UserMetricConfig config;
  config.name = "x";
  config.series = series;
  config.pattern = pattern;
  return config;
}

}  // namespace

TEST_CASE("prometheus: one series, a sum of several, none, hostile lines") {
  const auto sum = [](const char* selector) { return sum_series(kPage, parse_series_selector(selector)); };
  CHECK(sum("process_open_fds").sum == 42);
  CHECK(sum("http_requests_total{code=\"500\"}").sum == 13.5);
  CHECK(sum("http_requests_total{code=\"500\"}").series == 2);
  CHECK(sum("http_requests_total").sum == 1040.5);
  CHECK(sum("http_requests_total{path=\"/a\\\"b\\\\c\\n\"}").sum == 3.5);
  CHECK(sum("http_requests_total{code=\"404\"}").series == 0);
  CHECK(sum("no_labels").series == 0);
  CHECK(sum("broken").damaged == 2);
  CHECK(sum("http").series == 0);
  const std::string wide = "x{" + std::string(100'000, 'a') + "=\"\"} 1\nx{a=\"" + std::string(1 << 20, 'b') + "\"} 1\nx 2";
  CHECK(sum_series(wide, parse_series_selector("x")).sum == 2);
  CHECK(sum_series(wide, parse_series_selector("x")).damaged == 2);
}

TEST_CASE("prometheus: what is wrong with a selector, and where") {
  CHECK(offset_of("") == 0);
  CHECK(offset_of("7x") == 0);
  CHECK(offset_of("x{a=b}") == 4);
  CHECK(offset_of("x{a!=\"b\"}") == 3);
  CHECK(offset_of("x{a=~\"b\"}") == 3);
  CHECK(offset_of("x{a=\"b\"") == 7);
  CHECK(offset_of("x{a=\"b\"} > 3") == 9);
  CHECK(offset_of("x{a=\"b\", c=\"d\"}") == 9999);
}

TEST_CASE("the first number of a text") {
  CHECK(first_number("17") == 17);
  CHECK(first_number("rx2 17 18") == 17);
  CHECK(first_number("load=-0.5ms") == -0.5);
  CHECK(first_number("+3") == 3);
  CHECK(first_number("a .25 b") == 0.25);
  CHECK(first_number("1e3x") == 1000);
  CHECK_FALSE(first_number("v1.2 nan inf - + .").has_value());
  CHECK_FALSE(first_number("").has_value());
  CHECK_FALSE(first_number("1e999").has_value());
}

TEST_CASE("the number in what was given, or why there is none") {
  CHECK(number_in(metric(""), "in use: 12 of 90\n").value == 12);
  CHECK(number_in(metric("", "of ([0-9]+)"), "in use: 12 of 90\n").value == 90);
  CHECK(number_in(metric("", "free ([0-9]+)"), "in use").note == "the pattern is not found in what it gave");
  CHECK(number_in(metric(""), "").note == "it gave nothing");
  CHECK(number_in(metric(""), "none").note == "no number in what it gave");
  CHECK(number_in(metric("http_requests_total"), kPage).note == "the sum of 3 series");
  CHECK_FALSE(number_in(metric("absent"), kPage).value.has_value());
}

TEST_CASE("a pattern: groups, errors with their place, and hostile lines in linear time") {
  CHECK(Pattern("Error|WARN").found_in("2026 WARN x"));
  CHECK_FALSE(Pattern("Error|WARN").found_in("warn"));
  CHECK(Pattern("took ([0-9]+) ms").group_in("it took 12 ms") == "12");
  CHECK_FALSE(Pattern("took ([0-9]+)?").group_in("took x").has_value());
  CHECK(Pattern("(a+)+$").groups() == 1);
  CHECK_FALSE(Pattern("(a+)+$").found_in(std::string(100'000, 'a') + "b"));
  try {
    Pattern("ok (unclosed");
    FAIL("accepted");
  } catch (const PatternError& error) {
    CHECK(error.what.find("missing") != std::string::npos);
  }
  try {
    Pattern("ab[z-a]");
    FAIL("accepted");
  } catch (const PatternError& error) {
    CHECK(error.offset == 3);
  }
}

TEST_CASE("the body of an HTTP answer: by length, in chunks, to the end; hostile ones") {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  CHECK(http_body(head + "Content-Length: 2\r\n\r\n17rest", false) == "17");
  CHECK_FALSE(http_body(head + "Content-Length: 9\r\n\r\n17", true).has_value());
  CHECK(http_body(head + "Transfer-Encoding: chunked\r\n\r\n2\r\n17\r\n3;x=y\r\nabc\r\n0\r\n\r\n", false) == "17abc");
  CHECK_FALSE(http_body(head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n17\r\n", true).has_value());
  CHECK_FALSE(http_body(head + "Transfer-Encoding: chunked\r\n\r\n2\r\n17\r\n", true).has_value());
  CHECK(http_body(head + "\r\n17", true) == "17");
  CHECK_FALSE(http_body(head + "\r\n17", false).has_value());
  CHECK_FALSE(http_body(head + "Content-Length: 2", true).has_value());
}

TEST_CASE("readings of commands and files, each with its reason where there is none") {
  UserMetricConfig command;
  command.name = "x";
  command.command = {"sh", "-c", "echo 17 apples"};
  CHECK(read_number(command, -1).value == 17);
  command.command = {"sh", "-c", "echo 17; exit 3"};
  CHECK(read_number(command, -1).note.find("exit code 3") != std::string::npos);
  char path[] = "/tmp/fdr-metric-XXXXXX";
  const int descriptor = ::mkstemp(path);
  REQUIRE(descriptor >= 0);
  ::close(descriptor);
  std::ofstream(path) << "depth 4\n";
  UserMetricConfig file;
  file.name = "y";
  file.file = path;
  CHECK(read_number(file, -1).value == 4);
  ::unlink(path);
  CHECK(read_number(file, -1).note.find("No such file") != std::string::npos);
}

TEST_CASE("metrics are read when they are due, unknown before and when they fail, with the reason") {
  UserMetricConfig good, bad, of_log;
  good.name = "good";
  good.command = {"echo", "5"};
  bad.name = "bad";
  bad.command = {"no-such-program"};
  of_log.name = "of_log";
  of_log.log = "log";
  UserMetrics metrics({good, bad, of_log});
  CHECK(std::isnan(metrics.values()[0]));
  CHECK(metrics.notes()[0] == "not read yet");
  const Timestamp now = MonotonicClock::now();
  metrics.advance(now);
  for (int i = 0; i < 3000 && (std::isnan(metrics.values()[0]) || metrics.notes()[1] == "not read yet"); ++i) {
    ::usleep(10'000);
    metrics.advance(now);
  }
  CHECK(metrics.values()[0] == 5);
  CHECK(metrics.notes()[0].empty());
  CHECK(std::isnan(metrics.values()[1]));
  CHECK(metrics.notes()[1].find("no-such-program") != std::string::npos);
  CHECK(std::isnan(metrics.values()[2]));
}

TEST_CASE("user metrics: a counter rises from one reading to the next, a gauge stands") {
  char place[] = "/tmp/fdr-metric.XXXXXX";
  const int descriptor = ::mkstemp(place);
  REQUIRE(descriptor >= 0);
  ::close(descriptor);
  UserMetricConfig counter = metric("");
  counter.file = place;
  counter.kind = MetricKind::kCounter;
  UserMetricConfig gauge = counter;
  gauge.kind = MetricKind::kGauge;
  UserMetrics metrics({counter, gauge});
  const Timestamp start = from_ns(1'000'000'000'000);
  // Of a thread each: until they have both been made.
  const auto read_at = [&](Timestamp now, double number) {
    std::ofstream(place) << number;
    metrics.advance(now);
    for (int i = 0; i < 500; ++i) {
      ::usleep(10'000);
      metrics.advance(now);
      if (metrics.values()[1] == number) break;
    }
    CHECK(metrics.values()[1] == number);
  };
  read_at(start, 100);
  metrics.advance(start + 1s);
  CHECK(metrics.values()[0] == 100);
  read_at(start + 10s, 200);
  metrics.advance(start + 15s);
  CHECK(metrics.values()[0] == doctest::Approx(150));
  CHECK(metrics.values()[1] == 200);
  metrics.advance(start + 19s);
  CHECK(metrics.values()[0] == doctest::Approx(190));
  ::unlink(place);
}

#include "formats/report/report.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "formats/figures/hot.hpp"
#include "formats/report/screen.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
using incident::contains;

namespace {

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

std::string first_24(const std::string& text) {
  std::string screen;
  const auto all = lines(text);
  for (std::size_t i = 0; i < all.size() && i < 24; ++i) screen += all[i] + "\n";
  return screen;
}

std::string report(const incident::Made& made, ReportStyle style = {}, const std::vector<std::string>& notes = {}) {
  return report_text(made.bundle, made.names, notes, style);
}

}  // namespace

TEST_CASE("report: the first 24 lines answer what, since when, who, how sure, what it was and what it was not") {
  const std::string screen = first_24(report(incident::make()));
  CAPTURE(screen);
  CHECK(contains(screen, "FIRED  system-cpu: 41.2 %  2026-03-01 12:41:23.456 UTC"));
  CHECK(contains(screen, "process[haproxy].cpu.system > 30% for 1s"));
  CHECK(contains(screen, "held for 1.0 s; value 41.2 %"));
  CHECK(contains(screen, "haproxy (attach), pid 4242"));
  CHECK(contains(screen, "web1, Linux 6.1.0-13-amd64, 8 CPUs"));
  CHECK(contains(screen, "60.0 s before and 5.0 s after; obtained 65.0 s, but of syscalls 2.1 s"));
  CHECK(contains(screen, "98.0 % of 6 435 stack samples complete; no-unwind-info 2.0 %"));
  CHECK(contains(screen, "(2 more below)"));
  CHECK(contains(screen, "since  12:41:21.9"));
  CHECK(contains(screen, "(-1.5 s): process[haproxy].cpu.system from 9.0 %"));
  CHECK(contains(screen, "FINDINGS"));
  CHECK(contains(screen, "haproxy/log 4250 waits uninterruptibly"));
  CHECK(contains(screen, "RULED OUT"));
  CHECK(contains(screen, "spin: the busiest thread, haproxy 4242"));
  CHECK(lines(screen).size() == 24);
}

TEST_CASE("report: below the first screen stand where the time went, what was called, and who stood still") {
  const std::string text = report(incident::make());
  CAPTURE(text);
  CHECK(contains(text, "ON CPU 6 435 samples"));
  CHECK(contains(text, "_raw_spin_lock < tcp_sendmsg"));
  CHECK(contains(text, "libssl.so.3+0x1234"));
  CHECK(contains(text, "95.2 %"));
  CHECK(contains(text, "haproxy/log 4250: uninterruptible in fsync"));
  CHECK(contains(text, "3.77 s"));
}

TEST_CASE("report: shares stand beside the number of samples they are of") {
  // 6435 samples of the target: of every six, four in the lock; each hundredth is another process's.
  const auto made = incident::make();
  std::size_t lock = 0;
  for (const StackSample& sample : made.bundle.timeline.samples) lock += sample.in_kernel;
  const std::string text = report(made);
  CHECK(contains(text, count_text(lock)));
  CHECK(contains(text, share_text(static_cast<double>(lock), 6435)));
}

TEST_CASE("report: no line is wider than the terminal, whatever its width") {
  for (const int columns : {80, 100, 160}) {
    CAPTURE(columns);
    for (const std::string& line : lines(report(incident::make(), {columns, false}, {"libx.so: no debug file"}))) {
      CAPTURE(line);
      CHECK(display_width(line) <= static_cast<std::size_t>(columns));
    }
  }
}

TEST_CASE("report: the screen stays a screen when there is much to say") {
  auto made = incident::make();
  made.bundle.manifest.trigger.evidence = std::string(2000, 'e') + " " + std::string(500, 'f');
  for (int i = 0; i < 50; ++i) made.bundle.manifest.target.pids.push_back(5000 + i);
  for (int i = 0; i < 100; ++i) made.bundle.manifest.losses.push_back("loss " + std::string(200, 'x'));
  const View view(made.bundle.manifest, made.bundle.timeline, made.names);
  const std::string screen = first_screen(view, judge(view, {}), {}, {});
  CAPTURE(screen);
  CHECK(lines(screen).size() <= kScreenLines);
  CHECK(contains(screen, "and 47 more"));
  CHECK(contains(screen, "(102 more below)"));
  CHECK(contains(screen, "RULED OUT"));
}

TEST_CASE("report: the sections behind the screen") {
  const std::string text = report(incident::make(), {}, {"/usr/lib/libssl.so.3: install libssl3-dbgsym"});
  CAPTURE(text);
  CHECK(contains(text, "raw_sock_from_buf  raw_sock.c:389"));
  CHECK(contains(text, "conn_send (inlined)  conn.h:71"));
  CHECK(contains(text, "openat /etc/pki/nssdb/key4.db"));
  CHECK(contains(text, "ENOENT"));
  CHECK(contains(text, "fsync /var/log/haproxy.log"));
  CHECK(contains(text, "curl: curl -s http://127.0.0.1/health"));
  CHECK(contains(text, "exit 7"));
  CHECK(contains(text, "curl 777"));  // on the CPU, though no target
  CHECK(contains(text, "EAGAIN"));
  CHECK(contains(text, "process[haproxy].cpu.system"));
  CHECK(contains(text, "8 700 000"));
  CHECK(contains(text, "install libssl3-dbgsym"));
  CHECK(contains(text, "stacks: 12 clock ticks did not run"));
  CHECK_FALSE(contains(text, "host.swap.used"));  // it did not move
  CHECK_FALSE(contains(text, "[unknown]"));
}

TEST_CASE("report: an idle target is said to be idle") {
  auto made = incident::make();
  made.bundle.timeline.samples.clear();
  made.bundle.timeline.summary.clear();
  made.bundle.timeline.syscalls.clear();
  made.bundle.manifest.stacks = {};
  const std::string text = report(made);
  CHECK(contains(text, "no stack samples: the targets did not run on a CPU"));
  CHECK(contains(text, "no samples: in this window the targets did not run"));
  CHECK(contains(text, "none was made in this window"));
}

TEST_CASE("report: only the window asked for counts") {
  auto made = incident::make();
  const auto add = [&](double seconds, StackId stack) {
    made.bundle.timeline.samples.push_back({incident::at(seconds), 0, 0, false, stack, WalkEnd::kRoot});
  };
  for (int i = 0; i < 100'000; ++i) add(-300, 1);
  CHECK(contains(report(made), "ON CPU 6 435 samples"));
}

TEST_CASE("report: nothing from outside reaches the terminal raw") {
  auto made = incident::make();
  Bundle& b = made.bundle;
  const std::string evil = "\x1b[2J\n\x07\xff";
  b.manifest.trigger = {evil, evil, 1, evil, evil, 0, incident::kFired};
  b.manifest.host.name = b.manifest.host.kernel = b.manifest.fdr_version = b.manifest.backend = evil;
  b.manifest.target = {evil, {1}, {evil}, {evil}, evil, {}};
  b.manifest.losses = {evil};
  b.manifest.rings[evil] = {65, 1, 0, 0, 0, 0, 0, 0};
  b.manifest.stacks.reasons[evil] = 5;
  b.problems = {evil};
  b.path = evil;
  for (Process& p : b.timeline.processes) p.name = evil, p.command_line = {evil};
  for (Thread& t : b.timeline.threads) t.name = evil;
  for (DetailedCall& d : b.timeline.slow) d.subject = evil;
  for (DetailedCall& d : b.timeline.failed) d.subject = evil;
  for (MetricSeries& s : b.timeline.metrics) s.name += evil;
  for (auto& frame : made.names)
    for (SourceFrame& source : frame) source.function = source.file = evil;
  std::string all = report(made, {}, {evil}) + summary_text(b.manifest, b.timeline);
  for (const std::string& part : show_parts())
    if (part != "ledger") all += show_text(b, made.names, part, {}, {});
  CHECK_FALSE(contains(all, "\x1b"));
  CHECK_FALSE(contains(all, "\x07"));
  CHECK_FALSE(contains(all, "\xff"));
  CHECK(contains(all, "\\x1b[2J\\x0a"));
}

TEST_CASE("report: indices that lead nowhere are no crash") {
  auto made = incident::make();
  Timeline& t = made.bundle.timeline;
  t.samples.push_back({incident::at(0), 999, 0, false, 12345, WalkEnd::kRoot});
  t.stalls.push_back(
      {incident::at(0), std::chrono::seconds(1), {}, 999, StallKind::kBlocked, false, -1, 12345, WalkEnd::kRoot});
  t.summary.push_back({});
  t.threads[1].process = 999;
  CHECK(contains(report(made), "ON CPU"));
}

TEST_CASE("report: colour only where it is wanted") {
  CHECK_FALSE(contains(report(incident::make(), {80, false}), "\x1b"));
  CHECK(contains(report(incident::make(), {80, true}), "\x1b[1;31mFIRED\x1b[0m"));
}

TEST_CASE("report: json") {
  auto made = incident::make();
  made.bundle.problems = {"trace.pftrace: cut"};
  const auto json = nlohmann::json::parse(report_json(made.bundle, made.names));
  CHECK(json.at("trigger").at("name") == "system-cpu");
  CHECK(json.at("trigger").at("time") == "2026-03-01T12:41:23.456Z");
  CHECK(json.at("onset").at("at_s").get<double>() == doctest::Approx(-1.5).epsilon(0.1));
  CHECK(json.at("onset").at("metric") == "process[haproxy].cpu.system");
  CHECK(json.at("onset").at("realtime_ns").get<std::int64_t>() / 1'000'000'000 == 1'772'368'881);
  REQUIRE(json.at("findings").size() > 20);
  for (const auto& finding : json.at("findings")) {
    for (const char* key : {"id", "verdict", "title", "score", "evidence", "more"}) CHECK(finding.contains(key));
    CHECK_FALSE(finding.at("evidence").get<std::string>().empty());
  }
  CHECK(json.at("findings").at(0).at("verdict") == "for");
  CHECK(json.at("ruled_out").at(0).at("verdict") == "against");
  CHECK(json.at("rings").at("syscalls").at("obtained_s") == 2.1);
  CHECK(json.at("completeness").at("complete") == 6305);
  CHECK(json.at("completeness").at("problems").at(0) == "trace.pftrace: cut");
  CHECK(json.at("completeness").at("losses").size() == 2);
  CHECK(json.at("completeness").at("grade").at("word") == "poor");  // as fdr verify has it
  CHECK(json.at("completeness").at("grade").at("reasons").at(0) == "trace.pftrace: cut");
  CHECK(json.at("on_cpu").at("samples") == 6435);
  CHECK(json.at("on_cpu").at("bystanders") == 65);
  CHECK(json.at("on_cpu").at("functions").at(0).at("function") == "_raw_spin_lock");
  CHECK(json.at("syscalls").at("calls") == 65 * 3000);
}

TEST_CASE("report: samples a second are of the seconds that the ring held, whatever part of the window is looked at") {
  auto made = incident::make();
  made.bundle.manifest.rings["stacks"].obtained_s = 15;
  const auto seconds = [&](const ShowFilter& filter) {
    const OnCpu hot = count_on_cpu(View(made.bundle.manifest, made.bundle.timeline, made.names, filter));
    return std::pair(hot.before_s, hot.after_s);
  };
  CHECK(seconds({}) == std::pair(10.0, 5.0));
  ShowFilter part;
  part.from_s = -30;
  part.to_s = -4;
  CHECK(seconds(part) == std::pair(6.0, 0.0));
}

TEST_CASE("summary: the first screen, and where the rest is") {
  const auto made = incident::make();
  const std::string text = summary_text(made.bundle.manifest, made.bundle.timeline);
  CHECK(contains(text, "FIRED  system-cpu"));
  CHECK(contains(text, "since  12:41:21.9"));
  CHECK(contains(text, "FINDINGS"));
  CHECK(contains(text, "fdr report"));
  CHECK(lines(text).size() <= kScreenLines + 3);
}

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "formats/error.hpp"
#include "formats/figures/metrics.hpp"
#include "formats/report/report.hpp"
#include "tests/unit/formats/incident_on_disk.hpp"

using namespace fdr;
using incident::contains;
using incident::row_where;
using nlohmann::json;

namespace {

json rows(const char* part, const ShowFilter& filter = {}) {
  const auto made = incident::make();
  return json::parse(show_json(made.bundle, made.names, part, filter));
}

}  // namespace

TEST_CASE("show: syscalls are exact sums of the targets, by CPU time") {
  const json all = rows("syscalls");
  REQUIRE(all.size() == 2);
  CHECK(all[0] == json{{"name", "sendto"},
                       {"calls", 65 * 2000},
                       {"errors", 65 * 20},
                       {"total_ns", 65 * 300'000'000ll},
                       {"cpu_ns", 65 * 200'000'000ll},
                       {"max_ns", 2'000'000}});
  CHECK(all[1].at("name") == "epoll_wait");
}

TEST_CASE("show: a pid filter names a bystander, a thread filter counts the calls that were kept") {
  ShowFilter filter;
  filter.pid = 777;
  const json by_pid = rows("syscalls", filter);
  REQUIRE(by_pid.size() == 1);
  CHECK(by_pid[0].at("name") == "openat");
  CHECK(by_pid[0].at("calls") == 65 * 5);

  filter = {};
  filter.thread = 4242;
  const json by_thread = rows("syscalls", filter);
  REQUIRE(by_thread.size() == 1);
  CHECK(by_thread[0].at("calls") == 10);
  CHECK(rows("calls", filter).size() == 10);
}

TEST_CASE("show: from and to are seconds around the firing") {
  ShowFilter filter;
  filter.from_s = -10.2;
  filter.to_s = -9.8;
  // Both seconds that the range touches.
  CHECK(rows("syscalls", filter)[0].at("calls") == 2 * 2000);
  filter.from_s = -1.5;
  filter.to_s = 0;
  const json stalls = rows("stalls", filter);
  REQUIRE(stalls.size() == 2);  // the long wait was over, the reclaim came later
  CHECK(stalls[0].at("kind") == "uninterruptible");
  filter.from_s = 1e300;
  filter.to_s = -1e300;
  CHECK(rows("stacks", filter).empty());
}

TEST_CASE("show: stacks, outermost first, with inline frames") {
  const json all = rows("stacks");
  REQUIRE(all.size() == 3);
  CHECK(all[0].at("stack") ==
        json({"main", "run_poll_loop", "raw_sock_from_buf", "conn_send", "tcp_sendmsg", "_raw_spin_lock"}));
  CHECK(all[0].at("kind") == "on-cpu");
  CHECK(all[0].at("before").get<int>() + all[0].at("after").get<int>() == all[0].at("samples"));
  CHECK(all[1].at("stack").back() == "libssl.so.3+0x1234");
  std::uint64_t sum = 0;
  for (const json& row : all) sum += row.at("samples").get<std::uint64_t>();
  CHECK(sum == 6435);
}

TEST_CASE("show: samples without a stack stay in the sum") {
  auto made = incident::make();
  made.bundle.timeline.samples.push_back({incident::at(-1), 0, 0, true, kNoStack, WalkEnd::kNotWalked});
  const json all = json::parse(show_json(made.bundle, made.names, "stacks", {}));
  CHECK(all.back().at("stack").empty());
  CHECK(all.back().at("samples") == 1);
  CHECK(contains(show_text(made.bundle, made.names, "stacks", {}, {}), "1 samples without a stack"));
}

TEST_CASE("show: threads with their samples and accounts") {
  const json all = rows("threads");
  REQUIRE(all.size() == 2);  // the bystander's is not the targets'
  CHECK(all[0].at("tid") == 4242);
  CHECK(all[0].at("samples").get<int>() > 5000);
  CHECK(all[0].at("cpu_percent") == 80.0);
  CHECK(all[0].at("run_queue_ns") == 650'000'000);
}

TEST_CASE("show: slow, failed and stalls") {
  const json slow = rows("slow");
  REQUIRE(slow.size() == 1);
  CHECK(slow[0].at("name") == "fsync");
  CHECK(slow[0].at("subject") == "/var/log/haproxy.log");
  CHECK(slow[0].at("at_s").get<double>() == doctest::Approx(-1.2));
  CHECK(slow[0].at("stack").size() == 4);

  const json failed = rows("failed");
  REQUIRE(failed.size() == 2);
  CHECK(failed[0].at("calls") == 12);
  CHECK(failed[0].at("path") == "/etc/pki/nssdb/key4.db");
  CHECK(failed[0].at("error") == "ENOENT");
  CHECK(failed[0].at("process") == "curl");
  CHECK(failed[1].at("error") == "ECONNREFUSED");

  const json stalls = rows("stalls");
  const json frozen = row_where(stalls, "kind", "uninterruptible");
  CHECK(frozen.at("length_ns") == 3'770'000'000);
  CHECK(frozen.at("syscall") == "fsync");
  CHECK(frozen.at("thread") == "haproxy/log");
  CHECK(frozen.at("place") == "conn_send");
  CHECK(row_where(stalls, "kind", "reclaim").at("place") == "conn_send");  // not the kernel's lock: who asked for it
  CHECK(rows("errors")[0] == json{{"name", "sendto"}, {"error", "EAGAIN"}, {"calls", 1300}});
}

TEST_CASE("show failed: a number without a path stands last, and not at all where every single call was kept") {
  auto made = incident::make();
  FailedSum refused;
  refused.process = "curl";
  refused.number = 42;  // connect
  refused.error = 111;
  refused.calls = 1;
  refused.first = refused.last = made.bundle.timeline.failed.back().call.begin;
  FailedSum many = refused;
  many.error = 11;
  many.calls = 70;
  made.bundle.timeline.failing = {many, refused};
  const json failed = json::parse(show_json(made.bundle, made.names, "failed", {}));
  REQUIRE(failed.size() == 3);
  CHECK(failed[2].at("calls") == 70);
  CHECK(failed[1].at("error") == "ECONNREFUSED");
}

TEST_CASE("show memory: the most first, and how it is known") {
  auto made = incident::make();
  for (const std::uint64_t bytes : {4096u, 8192u}) {
    Growth growth;
    growth.time = made.bundle.timeline.samples.front().time;
    growth.thread = 0;
    growth.bytes = bytes;
    growth.stack = made.bundle.timeline.samples[bytes == 8192 ? 4 : 0].stack;
    made.bundle.timeline.growth.push_back(growth);
  }
  const json memory = json::parse(show_json(made.bundle, made.names, "memory", {}));
  REQUIRE(memory.size() == 2);
  CHECK(memory[0].at("bytes") == 8192);
  CHECK(memory[1].at("bytes") == 4096);
  CHECK(memory[0].at("known_by") == "pages");
  CHECK(memory[0].at("stack").size() > 1);
}

TEST_CASE("show: the timeline is in order and holds every kind") {
  const json all = rows("timeline");
  double last = -1e9;
  for (const json& row : all) {
    CHECK(row.at("at_s").get<double>() >= last);
    last = row.at("at_s").get<double>();
  }
  CHECK(row_where(all, "kind", "trigger").at("at_s") == 0.0);
  CHECK(row_where(all, "kind", "mark").at("text") == "deploy v2");
  CHECK(row_where(all, "kind", "exit").at("text") == "exit 7");
  CHECK(row_where(all, "kind", "exec").at("pid") == 777);
  CHECK(row_where(all, "kind", "slow").at("text") == "fsync 3.77 s /var/log/haproxy.log = 0");
  CHECK(contains(row_where(all, "kind", "stall").at("text"), "uninterruptible 3.77 s in fsync at conn_send"));
  const json failed = row_where(all, "kind", "failed");
  CHECK(contains(failed.at("text"), "-1 ENOENT"));
  CHECK(failed.at("times") == 12);
}

TEST_CASE("show: processes, rings, modules, files and the manifest") {
  const json process = row_where(rows("processes"), "pid", 777);
  CHECK(process.at("started_s") == -2.5);
  CHECK(process.at("end") == "exit 7");
  CHECK(process.at("command") == "curl -s http://127.0.0.1/health");
  CHECK(row_where(rows("processes"), "pid", 4242).at("started_s").is_null());
  CHECK(row_where(rows("rings"), "ring", "syscalls").at("overwritten") == 8'700'000);
  CHECK(row_where(rows("modules"), "path", "/usr/lib/libssl.so.3").at("build_id") == "fedcba9876543210");
  CHECK(rows("files").is_array());
  CHECK(rows("manifest").at(0).at("trigger").at("name") == "system-cpu");
}

TEST_CASE("show: metrics, those of the rule first, counters as rates") {
  const json all = rows("metrics");
  REQUIRE(all.size() == 4);
  CHECK(all[0].at("name") == "process[haproxy].cpu.system");
  CHECK(all[0].at("min") == 8.0);
  CHECK(all[0].at("at_trigger_text") == "41.2 %");
  CHECK(all[1].at("name") == "host.mem.free");  // it jumped after the firing
  const json faults = row_where(all, "name", "host.vm.faults");
  CHECK(faults.at("kind") == "rate");
  CHECK(faults.at("max").get<double>() == doctest::Approx(1000));
  CHECK(faults.at("max_text") == "1000/s");
}

TEST_CASE("show: a sparkline keeps a spike and shows what is unknown") {
  MetricRow row;
  for (int i = 0; i < 100; ++i)
    if (i < 40 || i >= 60) row.points.emplace_back(incident::at(i), i == 77 ? 10.0 : 0.0);
  row.max = 10;
  CHECK(sparkline(row, incident::at(0), incident::at(100), 10) == "▁▁▁▁  ▁█▁▁");
}

TEST_CASE("show: tables say the same as the rows") {
  const auto made = incident::make();
  const auto text = [&](const char* part) { return show_text(made.bundle, made.names, part, {}, {120, false}); };
  CHECK(contains(text("syscalls"), "130 000"));
  CHECK(contains(text("failed"), "ECONNREFUSED"));
  CHECK(contains(text("failed"), "127.0.0.1:80\\x1b[2J"));
  CHECK(contains(text("stacks"), "conn_send (inlined)  conn.h:71"));
  CHECK(contains(text("timeline"), "deploy v2"));
  CHECK(contains(text("manifest"), "\"backend\": \"bpf\""));
  const std::set<std::string> not_in_it = {"ledger", "files", "fds", "memory", "growth", "goroutines", "heap", "sockets", "slab", "memory-ledger", "logs", "history", "movers", "baselines", "doctor"};
  for (const std::string& part : show_parts()) {
    CAPTURE(part);
    if (!not_in_it.contains(part)) CHECK(text(part.c_str()).size() > 50);
  }
}

TEST_CASE("show: an unknown part names the one that was meant, and the list") {
  const auto made = incident::make();
  try {
    show_text(made.bundle, made.names, "syscall", {}, {});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(contains(error.what(), "no part named 'syscall'; did you mean syscalls?"));
    CHECK(contains(error.hint(), "timeline stacks threads"));
  }
}

TEST_CASE("show: the timeline has the moment first, and what happened gives way") {
  auto made = incident::make();
  made.bundle.timeline.life.back().text = std::string(300, 'x');
  const std::string text = show_text(made.bundle, made.names, "timeline", {}, {80, false});
  CAPTURE(text);
  CHECK(text.starts_with("at        kind "));
  CHECK(contains(text, "\n-2.500 s  failed "));
  CHECK(contains(text, "+3.000 s  mark "));
  CHECK(contains(text, "x..x"));
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) CHECK(text.find('\n', at) - at <= 80);
}

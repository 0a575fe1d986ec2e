// Parts of `fdr show` that are read from a bundle's files: host, fds, ledger.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/formats/incident_on_disk.hpp"

using namespace fdr;
using incident::contains;
using incident::row_where;
using nlohmann::json;

TEST_CASE("show fds: alike ones together, sockets by their peers, most first") {
  incident::OnDisk bundle;
  bundle.made.bundle.manifest.target.pids = {4242};
  bundle.add("system/at/sockets.ndjson",
             R"({"protocol": "tcp", "state": "established", "local": "10.0.0.1:40000", "remote": "10.0.0.2:80", "inode": 9})"
             "\n"
             R"({"protocol": "tcp", "state": "established", "local": "10.0.0.1:40001", "remote": "10.0.0.2:80", "inode": 10})"
             "\n"
             R"({"protocol": "tcp", "state": "listen", "local": "0.0.0.0:8080", "remote": null, "inode": 11})"
             "\n");
  bundle.add("process/4242/at/fds.txt", "0 /dev/null\n3 pipe:[7]\n4 pipe:[8]\n5 socket:[10]\n6 socket:[9]\n7 socket:[11]\n8 socket:[999]\n9 anon_inode:[eventpoll]\n12 /var/log/a log\n");
  const json rows = bundle.rows("fds");
  REQUIRE(rows.size() == 7);
  const json peers = row_where(rows, "what", "tcp to 10.0.0.2:80 established");
  CHECK(peers == json{{"what", "tcp to 10.0.0.2:80 established"}, {"kind", "socket"}, {"count", 2}, {"first", 5}, {"last", 6}, {"pid", 4242}, {"process", peers["process"]}});
  CHECK(rows[0]["count"] == 2);
  CHECK(rows[1]["count"] == 2);
  CHECK(row_where(rows, "what", "pipes")["first"] == 3);
  CHECK(row_where(rows, "what", "tcp at 0.0.0.0:8080 listen")["last"] == 7);
  CHECK(row_where(rows, "what", "sockets of which no more is known")["count"] == 1);
  CHECK(row_where(rows, "what", "[eventpoll]")["kind"] == "kernel");
  CHECK(row_where(rows, "what", "/var/log/a log")["kind"] == "file");
  CHECK(row_where(rows, "what", "/dev/null")["kind"] == "device");
  ShowFilter other;
  other.pid = 1;
  CHECK(bundle.rows("fds", other).empty());
}

TEST_CASE("show fds: a stranger's list is no crash, and no terminal's command") {
  incident::OnDisk bundle;
  bundle.made.bundle.manifest.target.pids = {4242};
  bundle.add("process/4242/at/fds.txt", "no number\n\n 5 x\n99999999999999999999999 /too/large\n-1 /negative\n7 socket:[\n8 socket:[12x\n9 /tmp/\x1b[2J\xff\n10");
  const json rows = bundle.rows("fds");
  CHECK(rows.size() == 2);
  CHECK(row_where(rows, "kind", "socket")["count"] == 2);
  CHECK(contains(bundle.text("fds"), "/tmp/\\x1b[2J"));
}

TEST_CASE("show host: what the manifest says, and the recorder's facts under the kernel's names") {
  incident::OnDisk bundle;
  bundle.made.bundle.manifest.host.kernel = "6.1.0-9\x1b[2J";
  bundle.add("system/facts/sys_vm_vfs_cache_pressure", "100\n");
  bundle.add("system/facts/sys_net_ipv4_tcp_rmem", "4096\t131072\t6291456\n");
  bundle.add("system/facts/sys_net_core_somaxconn", "4096\n");
  bundle.add("system/facts/cmdline", "root=/dev/vda1 quiet\n");
  bundle.add("system/facts/cpuinfo", "processor : 0\n");
  bundle.add("system/at/loadavg", "0.43 1.31 1.27 4/109 24616\n");
  const json rows = bundle.rows("host");
  CHECK(row_where(rows, "fact", "vm.vfs_cache_pressure")["value"] == "100");
  CHECK(row_where(rows, "fact", "net.ipv4.tcp_rmem")["value"] == "4096 131072 6291456");
  CHECK(row_where(rows, "fact", "net.core.somaxconn")["value"] == "4096");
  CHECK(row_where(rows, "fact", "kernel's cmdline")["value"] == "root=/dev/vda1 quiet");
  CHECK(row_where(rows, "fact", "machine") != nullptr);
  CHECK_FALSE(contains(rows.dump(), "processor"));
  CHECK(contains(rows.dump(), "0.43 1.31"));
  CHECK(contains(bundle.text("host"), "6.1.0-9\\x1b[2J"));
}

TEST_CASE("show ledger: a line each, whatever stands in it; a damaged one is told") {
  incident::OnDisk bundle;
  const std::int64_t fired = bundle.made.bundle.manifest.trigger.monotonic_ns;
  bundle.add("ledger.ndjson", R"({"time":"2026-03-01T12:41:20Z","monotonic_ns":)" + std::to_string(fired - 1'500'000'000) + R"(,"rule":"demand","event":"held","value":81.5,"text":"since 1 s"})" + "\n" +
                                  R"({"monotonic_ns":"soon","rule":{"a":"\u001b[2J"},"event":7,"value":null})" + "\nnot json\n[1,2]\n");
  const json rows = bundle.rows("ledger");
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["at_s"] == -1.5);
  CHECK(rows[0]["value"] == 81.5);
  CHECK(rows[1]["at_s"].is_null());
  CHECK(rows[2]["event"] == "damaged");
  CHECK(rows[3]["event"] == "damaged");
  const std::string text = bundle.text("ledger");
  CHECK(contains(text, "-1.500 s  demand"));
  CHECK(contains(text, "81.5"));
  CHECK_FALSE(contains(text, "\x1b"));
}

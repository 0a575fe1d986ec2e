#include <doctest/doctest.h>

#include "recorder/config_file/config_file.hpp"
#include "tests/unit/recorder/config_file/config_fixture.hpp"
#include "triggers/engine.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

std::string beat(const std::string& keys) { return "[[heartbeat]]\nname = \"x\"\nevery = \"2s\"\n" + keys; }
std::string collect(const std::string& keys) { return "[[collect]]\nname = \"x\"\n" + keys; }

constexpr const char* kAll = R"(
[[heartbeat]]
name = "getinfo"
from = "http"
url = "http://127.0.0.1:10009/v1/getinfo"
timeout = "1s"
every = "2s"
misses = 3
[[heartbeat]]
name = "port"
from = "tcp"
host = "::1"
port = 8080
every = "1s"
[[heartbeat]]
name = "file"
from = "mtime"
path = "/run/alive"
every = "1s"
[[heartbeat]]
name = "probe"
from = "command"
command = ["test", "-e", "/run/with \"quotes\""]
every = "5s"
[[heartbeat]]
name = "packets"
from = "udp"
port = 9000
every = "1s"
[[collect]]
name = "sockets"
command = ["ss", "-tnpm"]
at = ["armed", "fired"]
[[collect]]
name = "log"
file = "/var/log/syslog"
at = ["hourly"]
timeout = "1s"
max_bytes = "10MB"
)";

}  // namespace

TEST_CASE("config: heartbeats that are asked for, and collectors") {
  const Config config = parse_config(kAll, "fdr.toml");
  REQUIRE(config.heartbeats.size() == 5);
  CHECK(config.heartbeats[0].from == BeatSource::kHttp);
  CHECK(config.heartbeats[0].timeout == 1s);
  CHECK(config.heartbeats[1].host == "::1");
  CHECK(config.heartbeats[1].port == 8080);
  CHECK(config.heartbeats[1].timeout == 1s);  // as long as `every`, where nothing is said
  CHECK(config.heartbeats[2].path == "/run/alive");
  CHECK(config.heartbeats[3].command.back() == "/run/with \"quotes\"");
  CHECK(config.heartbeats[4].host == "127.0.0.1");
  CHECK(all_rules(config)[0].when == "beat.getinfo.age > 6s");
  REQUIRE(config.collectors.size() == 2);
  CHECK(config.collectors[0].command == std::vector<std::string>{"ss", "-tnpm"});
  CHECK(config.collectors[0].armed);
  CHECK(config.collectors[0].fired);
  CHECK_FALSE(config.collectors[0].hourly);
  CHECK(config.collectors[0].timeout == 5s);
  CHECK(config.collectors[0].max_bytes == 1u << 20);
  CHECK(config.collectors[1].file == "/var/log/syslog");
  CHECK_FALSE(config.collectors[1].fired);
  CHECK(config.collectors[1].max_bytes == 10u << 20);
  const std::string written = config_toml(config);
  CHECK(config_toml(parse_config(written, "effective")) == written);
  CHECK(says(written, "http://127.0.0.1:10009/v1/getinfo"));
  CHECK(says(written, "at = [\"armed\", \"fired\"]"));
}

TEST_CASE("config: a heartbeat has the keys of its source, and no others") {
  CHECK(says(refusal(beat("from = \"sned\"\n")).hint, "one of: beat, http, tcp, mtime, command, udp"));
  CHECK(refusal(beat("from = \"http\"\n")).what == "fdr.toml:1:1: [[heartbeat]] needs 'url'");
  CHECK(says(refusal(beat("from = \"tcp\"\n")).what, "needs 'port'"));
  CHECK(says(refusal(beat("from = \"mtime\"\n")).what, "needs 'path'"));
  CHECK(says(refusal(beat("from = \"command\"\n")).what, "needs 'command'"));
  CHECK(refusal(beat("port = 3784\n")).what == "fdr.toml:4:8: 'port' belongs to heartbeats from tcp, udp or send");
  CHECK(says(refusal(beat("from = \"tcp\"\nport = 1\nurl = \"http://127.0.0.1/\"\n")).what, "'url' belongs to"));
  CHECK(says(refusal(beat("from = \"udp\"\nport = 1\ntimeout = \"1s\"\n")).what, "'timeout' belongs to"));
  CHECK(refusal(beat("from = \"http\"\nurrl = \"x\"\n")).hint == "did you mean url");
}

TEST_CASE("config: addresses are in figures, probes answer within their interval and may miss one") {
  CHECK(says(refusal(beat("from = \"tcp\"\nhost = \"example.org\"\nport = 1\n")).hint, "getent hosts"));
  CHECK(says(refusal(beat("from = \"tcp\"\nport = 70000\n")).what, "between 1 and 65535"));
  CHECK(says(refusal(beat("from = \"http\"\nurl = \"https://127.0.0.1/\"\n")).hint, "curl"));
  CHECK(says(refusal(beat("from = \"http\"\nurl = \"http://127.0.0.1/\"\ntimeout = \"3s\"\n")).what, "between 1ms and 2s"));
  CHECK(says(refusal(beat("from = \"http\"\nurl = \"http://127.0.0.1/\"\nmisses = 1\n")).hint, "misses = 2"));
  CHECK(says(refusal(beat("from = \"http\"\nurl = \"http://127.0.0.1/\"\ntimeout = \"299ms\"\n")).what, "three ticks of 100ms"));
  CHECK(says(refusal(beat("from = \"tcp\"\nport = 1\ntimeout = \"299ms\"\n")).what, "three ticks of 100ms"));
  CHECK(refusal(beat("from = \"tcp\"\nport = 1\ntimeout = \"300ms\"\n")).what.empty());
  CHECK(says(refusal(beat("from = \"mtime\"\npath = \"alive\"\n")).what, "absolute path"));
  CHECK(says(refusal(beat("from = \"command\"\ncommand = \"true\"\n")).what, "'command' must be a list of strings"));
}

TEST_CASE("config: a collector is a command or a file, and says when") {
  CHECK(refusal(collect("")).what == "fdr.toml:1:1: [[collect]] needs 'command' or 'file'");
  CHECK(refusal(collect("comand = [\"ss\"]\n")).what == "fdr.toml:3:1: unknown key 'comand' in collect");
  CHECK(says(refusal(collect("command = [\"ss\"]\nfile = \"/x\"\n")).what, "not both"));
  CHECK(says(refusal(collect("command = \"ss -s\"\n")).hint, "[\"sh\", \"-c\", \"...\"]"));
  CHECK(says(refusal(collect("command = []\n")).what, "says nothing"));
  CHECK(says(refusal(collect("command = [1]\n")).what, "list of strings"));
  CHECK(says(refusal(collect("file = \"x\"\n")).what, "absolute path"));
  CHECK(says(refusal(collect("file = \"/x\"\nat = [\"daily\"]\n")).hint, "armed, hourly, fired"));
  CHECK(says(refusal(collect("file = \"/x\"\nat = []\n")).what, "says nothing"));
  CHECK(says(refusal(collect("file = \"/x\"\nmax_bytes = \"1GB\"\n")).what, "between 1KB and 64MB"));
  CHECK(says(refusal(collect("file = \"/x\"\ntimeout = 5\n")).what, "a duration with a unit"));
  CHECK(says(refusal(collect("file = \"/x\"\n") + collect("file = \"/y\"\n")).what, "two collectors are named 'x'"));
  CHECK(says(refusal("[[collect]]\nname = \"x.armed\"\nfile = \"/x\"\n").what, "cannot end so"));
}

TEST_CASE("config: heartbeats from send say whose and where, and are written back the same") {
  const Config config = parse_config(beat("from = \"send\"\ncomm = \"bird\"\nport = 3784\nby = \"peer\"\n") + "[[heartbeat]]\nname = \"y\"\nfrom = \"send\"\nevery = \"1s\"\n", "x");
  REQUIRE(config.heartbeats.size() == 2);
  const HeartbeatConfig& first = config.heartbeats[0];
  CHECK(first.from == BeatSource::kSend);
  CHECK(first.comm == "bird");
  CHECK(first.port == 3784);
  CHECK(first.by_peer);
  CHECK_FALSE(config.heartbeats[1].by_peer);
  CHECK(config.heartbeats[1].port == 0);
  CHECK(config_toml(parse_config(config_toml(config), "y")) == config_toml(config));
  CHECK(says(config_toml(config), "by = \"peer\""));
}

TEST_CASE("config: what a heartbeat from send cannot be") {
  CHECK(says(refusal(beat("comm = \"bird\"\n")).what, "'comm' belongs to heartbeats from send"));
  CHECK(says(refusal(beat("from = \"send\"\nby = \"port\"\n")).what, "'by' cannot be 'port'"));
  CHECK(says(refusal(beat("from = \"send\"\nhost = \"::1\"\n")).what, "'host' belongs"));
  CHECK(says(refusal(beat("from = \"send\"\nport = 0\n")).what, "'port' must be between"));
  CHECK(says(refusal("syscalls = { detail = \"off\" }\n" + beat("from = \"send\"\n")).what, "sends are seen as system calls"));
  std::string many;
  for (int i = 1; i <= 17; ++i) many += "[[heartbeat]]\nname = \"b" + std::to_string(i) + "\"\nfrom = \"send\"\nevery = \"1s\"\nport = " + std::to_string(i) + "\n";
  CHECK(says(refusal(many).what, "16 ports at most"));
}

TEST_CASE("config: the backend is chosen unless it is named") {
  CHECK(parse_config("", "x").backend == BackendChoice::kAuto);
  const Config perf = parse_config("backend = \"perf\"\nallow_ptrace = true\n", "x");
  CHECK(perf.backend == BackendChoice::kPerf);
  CHECK(parse_config(config_toml(perf), "y").backend == BackendChoice::kPerf);
  CHECK(parse_config(config_toml(perf), "y").allow_ptrace);
  CHECK(says(refusal("backend = \"ebpf\"\n").what, "ebpf"));
}

TEST_CASE("config: the host tier is on unless switched off") {
  CHECK(parse_config("", "x").host_tier);
  const Config off = parse_config("host_tier = false\n", "x");
  CHECK_FALSE(off.host_tier);
  CHECK_FALSE(parse_config(config_toml(off), "y").host_tier);
  CHECK(says(refusal("host_tier = \"no\"\n").what, "true or false"));
}

#include <doctest/doctest.h>

#include <set>

#include "formats/error.hpp"
#include "formats/pack/redact.hpp"
#include "formats/pack/redact_text.hpp"
#include "formats/pack/redact_words.hpp"
#include "formats/pack/rescan.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;

namespace {

bool known_metric(std::string_view name) { return name == "process.rss" || name == "process.cpu.system" || name == "host.mem.free"; }

Redacted redacted(Pseudonyms& names, const RedactOptions& options = {{}, {}, known_metric, false}) {
  return redact(incident::make().bundle, options, names);
}

}  // namespace

TEST_CASE("HMAC-SHA256: RFC 4231, cases 1, 2 and 6") {
  CHECK(hmac_sha256_hex(std::string(20, '\x0b'), "Hi There") == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hmac_sha256_hex("Jefe", "what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac_sha256_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("pseudonyms: stable under a key, others under another, and one for each name and class") {
  Pseudonyms one("0123456789abcdef"), again("0123456789abcdef"), other("fedcba9876543210");
  const std::string web1 = one.token(NameClass::kHost, "web1");
  CHECK(web1 == again.token(NameClass::kHost, "web1"));
  CHECK(web1 != other.token(NameClass::kHost, "web1"));
  CHECK(web1 != one.token(NameClass::kHost, "web2"));
  CHECK(web1.substr(5) != one.token(NameClass::kThread, "web1").substr(7));
  CHECK(web1.starts_with("host-"));
  CHECK(one.token(NameClass::kHost, "").empty());
  std::set<std::string> tokens;
  for (int i = 0; i < 20'000; ++i) tokens.insert(one.token(NameClass::kPath, std::to_string(i)));
  CHECK(tokens.size() == 20'000);
}

TEST_CASE("paths: the shape stays, known parts stay, all else goes") {
  Pseudonyms names("0123456789abcdef");
  const std::string a = names.path("/home/alice/app/conf.d/x"), b = names.path("/home/alice/app/other");
  CHECK(a.starts_with("/home/path-"));
  CHECK(std::count(a.begin(), a.end(), '/') == 5);
  CHECK(a.substr(0, a.find('/', a.find('/', 6) + 1)) == b.substr(0, b.rfind('/')));
  CHECK(a.find("alice") == std::string::npos);
  CHECK(names.path("[heap]") == "[heap]");
  CHECK(names.path("[anon 4711]") == "[anon 4711]");
  CHECK(names.path("[anon alice]").find("alice") == std::string::npos);
  CHECK(names.path("/proc/4711/fd/3") == "/proc/4711/fd/3");
  CHECK(names.path("/usr/lib/x86_64-linux-gnu/libc.so.6") == "/usr/lib/x86_64-linux-gnu/libc.so.6");
  CHECK(names.path("/home/alice/libc.so.6").find("libc") == std::string::npos);
  CHECK_FALSE(is_system_library("/usr/lib/../../home/alice/libc.so.6"));
  const std::string hostile = names.path(std::string("/a\n\x1b[31m/\xff\x00z", 12));
  CHECK(hostile.find('\x1b') == std::string::npos);
  CHECK(hostile.find('\n') == std::string::npos);
}

TEST_CASE("addresses stay addresses") {
  Pseudonyms names("0123456789abcdef");
  const std::string v4 = names.endpoint("203.0.113.9:8080");
  CHECK(v4.ends_with(":8080"));
  CHECK(Pseudonyms::is_endpoint(v4));
  CHECK(v4.find("203.0.113") == std::string::npos);
  CHECK(names.endpoint("203.0.113.9:9") == v4.substr(0, v4.rfind(':')) + ":9");
  const std::string v6 = names.endpoint("[2001:db8::1]:80");
  CHECK(v6.starts_with("[fd"));
  CHECK(v6.ends_with("]:80"));
  CHECK(names.endpoint("52:54:00:12:34:56").starts_with("02:"));
  CHECK(names.endpoint("127.0.0.1:80") == "127.0.0.1:80");
  CHECK(names.endpoint("db7.corp.example").starts_with("address-"));
}

TEST_CASE("words: fdr's own stay, a user's go") {
  Pseudonyms names("0123456789abcdef");
  RedactWords words(known_metric, {"^ext4_"}, names);
  const std::string label = names.token(NameClass::kLabel, "haproxy");
  CHECK(words.condition("process[haproxy].cpu.system > 30% for 2s") == "process[" + label + "].cpu.system > 30% for 2s");
  CHECK(words.condition("delta(host.mem.free, 1s) > 300MB") == "delta(host.mem.free, 1s) > 300MB");
  CHECK(words.condition("secret.thing > 1").find("secret") == std::string::npos);
  CHECK(words.condition("asked for") == "asked for");
  CHECK(words.condition("asked alice").find("alice") == std::string::npos);
  CHECK(words.metric("process[haproxy].rss") == "process[" + label + "].rss");
  CHECK(words.metric("beat.payroll.age").find("payroll") == std::string::npos);
  CHECK(words.rule_name("when-1") == "when-1");
  CHECK(words.rule_name("free-memory-jump") == "free-memory-jump");
  CHECK(words.rule_name("payroll-down").starts_with("label-"));
  CHECK(words.figure("101.8 %") == "101.8 %");
  CHECK(words.figure("alice").empty());
  CHECK(words.subject("socket:[1234]") == "socket:[1234]");
  CHECK(words.subject("secret.txt").find("secret") == std::string::npos);
  CHECK(words.keep("ext4_readdir", NameClass::kFunction).starts_with("custom-"));
  CHECK(words.keep("tcp_sendmsg", NameClass::kFunction) == "tcp_sendmsg");
  CHECK_THROWS_AS(RedactWords(known_metric, {"("}, names), Error);

  const std::string rows = words.sockets("{\"protocol\": \"tcp\", \"state\": \"established\", \"local\": \"203.0.113.9:80\", \"remote\": null, \"recv_q\": 7, "
                                         "\"owner\": \"alice\"}\nnot json alice\n{\"left_out\": 3, \"problem\": \"alice\"}\n");
  CHECK(rows.find("alice") == std::string::npos);
  CHECK(rows.find("203.0.113.9") == std::string::npos);
  CHECK(rows.find("\"recv_q\":7") != std::string::npos);
  CHECK(rows.find("established") != std::string::npos);
}

TEST_CASE("redact: a container's id goes, the pids that it calls its processes by stay") {
  Pseudonyms names("0123456789abcdef");
  Bundle bundle = incident::make().bundle;
  bundle.manifest.target.mode = "once";
  bundle.manifest.target.container = std::string(64, 'e');
  bundle.manifest.target.ns_pids = {{4711, 1}};
  const Manifest::Target target = redact(bundle, {{}, {}, known_metric, false}, names).manifest.target;
  CHECK(target.mode == "once");
  CHECK(target.container.starts_with("label-"));
  CHECK(target.ns_pids == bundle.manifest.target.ns_pids);
}

TEST_CASE("redact: no name of the recording is left, and every record is") {
  Pseudonyms names("0123456789abcdef");
  const incident::Made made = incident::make();
  const Timeline& was = made.bundle.timeline;
  const Redacted out = redacted(names);
  CHECK(out.timeline.samples == was.samples);
  CHECK(out.timeline.syscalls == was.syscalls);
  CHECK(out.timeline.stacks.frames().size() == was.stacks.frames().size());
  CHECK(out.timeline.stacks.stack_count() == was.stacks.stack_count());
  for (const Process& process : out.timeline.processes) {
    CHECK(process.name.starts_with("thread-"));
    CHECK(process.executable.find("haproxy") == std::string::npos);
  }
  for (std::size_t i = 0; i < was.threads.size(); ++i)
    for (std::size_t j = 0; j < was.threads.size(); ++j)
      CHECK((was.threads[i].name == was.threads[j].name) == (out.timeline.threads[i].name == out.timeline.threads[j].name));
  CHECK(out.manifest.config.empty());
  CHECK(out.manifest.host.name != made.bundle.manifest.host.name);
  CHECK(out.manifest.stacks.samples == made.bundle.manifest.stacks.samples);

  std::string all = to_json(out.manifest) + modules_json(out.timeline.stacks, out.slices);
  for (const Process& process : out.timeline.processes) {
    all += process.name + process.executable + process.target;
    for (const std::string& argument : process.command_line) all += argument;
  }
  const Rescan rescan(names, {});
  CHECK(rescan.searched() > 0);
  CHECK(rescan.leak_in(all).empty());
}

TEST_CASE("rescan: finds what slipped through, wherever it lies") {
  Pseudonyms names("0123456789abcdef");
  names.token(NameClass::kHost, "web1.example.org");
  names.token(NameClass::kThread, "worker");
  names.token(NameClass::kThread, "abc");
  names.token(NameClass::kThread, "msort");
  names.keep("msort_with_tmp.part.0");
  const Rescan rescan(names, {"the stacks of a report"});
  CHECK(rescan.searched() == 2);
  CHECK(rescan.not_searched() == 2);
  CHECK(rescan.leak_in(std::string("\x0a\x10web1.example.org", 18)) == "host");
  CHECK(rescan.leak_in("A1worker") == "thread");
  CHECK(rescan.leak_in("a worker", true).empty());
  CHECK(rescan.leak_in("web1.example.or").empty());
  CHECK(rescan.leak_in("msort abc").empty());
}

TEST_CASE("free text: known names, and what looks like a name, go; the sentence stays") {
  Pseudonyms names("0123456789abcdef");
  const std::string host = names.token(NameClass::kHost, "web1"), thread = names.token(NameClass::kThread, "payroll"), mac = names.endpoint("52:54:00:ca:7a:77");
  RedactWords words(known_metric, {"^ext4"}, names);
  TextScrubber scrubber(names, words);
  const auto scrubbed = [&](const std::string& line) { return scrubber.text(line); };
  CHECK(scrubbed("out of memory: killed process 4711") == "out of memory: killed process 4711\n");
  CHECK(scrubbed("2026-03-01T12:41:23.5Z payroll on web1 took 250ms, 1.5 GB") == "2026-03-01T12:41:23.5Z " + thread + " on " + host + " took 250ms, 1.5 GB\n");
  CHECK(scrubbed("from 203.0.113.9:80 to [2001:db8::1]:443").find("203.0.113") == std::string::npos);
  CHECK(scrubbed("eth0 is 52:54:00:ca:7a:77 now").find(mac) != std::string::npos);
  CHECK(scrubbed("open /home/alice/app.conf: no").find("/home/path-") != std::string::npos);
  CHECK(scrubbed("GET https://db7.corp.example/secret?id=1").find("corp") == std::string::npos);
  for (const char* line : {"mail to alice@corp.example", "login of user alice", "password=hunter", "Token: abcdef", "see db.corp.example.", "k3s-alice9", "al\xc3\xaf" "ce",
                           "aliceandherverylongnameofatokenwithoutend", "ext4 of alice", "\x1b" "[31malice@b"})
    for (const char* secret : {"alice", "hunter", "abcdef", "corp", "al\xc3\xaf" "ce", "\x1b"}) {
      CAPTURE(line);
      CHECK(scrubbed(line).find(secret) == std::string::npos);
    }
  // What is a name elsewhere is one here, and inside of words where it cannot be one of prose.
  names.token(NameClass::kArgument, "--cluster=Blue Whale");
  TextScrubber later(names, words);
  CHECK(later.text("started with --cluster=Blue Whale").find("Whale") == std::string::npos);
}

TEST_CASE("free text: lines of logs keep their fields, and nothing else") {
  Pseudonyms names("0123456789abcdef");
  RedactWords words(known_metric, {}, names);
  TextScrubber scrubber(names, words);
  const std::string lines = scrubber.log_lines("{\"log\": \"billing\", \"place\": \"/srv/alice/log\", \"lines\": 7, \"problem\": \"\", \"owner\": \"alice\"}\n"
                                               "not json alice\n"
                                               "{\"time\": \"2026-03-01T12:41:23Z\", \"monotonic_ns\": 12, \"source\": \"billing\", \"text\": \"user alice said \\\"no\\\"\\nand went\"}\n");
  CHECK(lines.find("alice") == std::string::npos);
  CHECK(lines.find("billing") == std::string::npos);
  CHECK(lines.find("\"lines\":7") != std::string::npos);
  CHECK(lines.find("\"time\":\"2026-03-01T12:41:23Z\"") != std::string::npos);
  const std::string label = names.token(NameClass::kLabel, "billing");
  CHECK(lines.find("\"source\":\"" + label + "\"") != std::string::npos);
  CHECK(lines.find("said") != std::string::npos);
  CHECK(lines.find("and went") != std::string::npos);
}

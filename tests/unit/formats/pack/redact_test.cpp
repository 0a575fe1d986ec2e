#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "formats/error.hpp"
#include "formats/findings/findings.hpp"
#include "formats/findings/sampling.hpp"
#include "formats/pack/redact.hpp"
#include "formats/pack/redact_text.hpp"
#include "formats/pack/redact_words.hpp"
#include "formats/pack/rescan.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;

namespace {

// What a timeline holds, every name of it made the same: two that differ in names alone are then equal.
Timeline nameless(const Timeline& from) {
  Timeline t;
  t.machine = from.machine, t.kernel = from.kernel, t.cpus = from.cpus, t.anchor = from.anchor, t.begin = from.begin, t.end = from.end;
  t.processes = from.processes, t.threads = from.threads;
  t.samples = from.samples, t.syscalls = from.syscalls, t.slow = from.slow, t.failed = from.failed, t.summary = from.summary, t.errors = from.errors;
  t.failing = from.failing, t.stalls = from.stalls, t.growth = from.growth, t.life = from.life, t.metrics = from.metrics;
  const auto hide = [](std::string& text) { text = text.empty() ? "" : "x"; };
  for (Process& one : t.processes) {
    for (std::string* text : {&one.name, &one.executable, &one.target}) hide(*text);
    for (std::string& argument : one.command_line) hide(argument);
  }
  for (Thread& one : t.threads) hide(one.name);
  for (auto* calls : {&t.slow, &t.failed})
    for (DetailedCall& one : *calls) hide(one.subject);
  for (FailedSum& one : t.failing) {
    for (std::string* text : {&one.process, &one.directory, &one.example}) hide(*text);
    for (std::string& ancestor : one.ancestors) hide(ancestor);
  }
  for (Growth& one : t.growth) hide(one.region);
  for (LifeEvent& one : t.life) hide(one.text);
  for (MetricSeries& one : t.metrics) hide(one.name);
  return t;
}

void check_same_records(const Timeline& a, const Timeline& b) {
  CHECK(a.machine == b.machine);
  CHECK(a.kernel == b.kernel);
  CHECK(a.cpus == b.cpus);
  CHECK(a.anchor == b.anchor);
  CHECK(a.begin == b.begin);
  CHECK(a.end == b.end);
  CHECK(a.processes == b.processes);
  CHECK(a.threads == b.threads);
  CHECK(a.samples == b.samples);
  CHECK(a.syscalls == b.syscalls);
  CHECK(a.slow == b.slow);
  CHECK(a.failed == b.failed);
  CHECK(a.summary == b.summary);
  CHECK(a.errors == b.errors);
  CHECK(a.failing == b.failing);
  CHECK(a.stalls == b.stalls);
  CHECK(a.growth == b.growth);
  CHECK(a.life == b.life);
  CHECK(a.metrics == b.metrics);
}

// The incident with what it has none of: names that are not there, memory that grew, and the end of an episode that is sampled often.
Bundle with_everything() {
  Bundle bundle = incident::make().bundle;
  Timeline& t = bundle.timeline;
  t.failing.push_back({.process = "check-backends", .pid = 777, .ancestors = {"xargs", "nightly-job"}, .of_target = false, .number = incident::number("openat"),
                       .abi = SyscallAbi::kNative, .error = 2, .directory = "/etc/payroll/nssdb/", .example = "/etc/payroll/nssdb/.1a2b_key4.db", .calls = 260'000,
                       .distinct = 240'000, .first = incident::at(-40), .last = incident::at(4)});
  t.growth.push_back({.time = incident::at(-3), .thread = 0, .bytes = 4096, .address = 0x1000, .region = "/srv/payroll/cache", .given_back = std::nullopt});
  MetricSeries dentries{"host.dentries", Unit::kCount, MetricKind::kGauge, {}};
  for (int i = 0; i < 650; ++i) dentries.points.push_back({incident::at(-60 + 0.1 * i), i < 560 ? 50'000.0 : 50'000.0 + 2500.0 * (i - 560)});
  t.metrics.push_back(dentries);
  for (const char* name : {"bystander[payroll-run].cpu.total", "bystander[payroll-run].cpu.system"}) {
    MetricSeries busy{name, Unit::kPercent, MetricKind::kGauge, {}};
    for (int second = -60; second <= 5; ++second) busy.points.push_back({incident::at(second), second < 0 ? 2.0 : 80.0});
    t.metrics.push_back(busy);
  }
  for (const char* name : {"beat.bfd[203.0.113.9:3784].age", "beat.bfd[203.0.113.10:3784].age"}) {
    MetricSeries age{name, Unit::kSeconds, MetricKind::kGauge, {}};
    for (int i = 0; i < 650; ++i) age.points.push_back({incident::at(-60 + 0.1 * i), i < 590 || i > 620 ? 0.1 * (i % 3) : 0.1 * (i - 590)});
    t.metrics.push_back(age);
  }
  Manifest& m = bundle.manifest;
  m.rings["bystanders"] = {65, 65, 10, 10, 0, 0, 0, 0};
  m.episode = {.id = "2026-03-01T12:41:23.515Z.payroll-cpu", .stage = "end", .onset_bundle = "2026-03-01T12-41-23Z.web1.haproxy.payroll-cpu.fdr",
               .onset_ns = incident::kFired - 1'000'000'000, .rules = {"payroll-cpu", "system-cpu"}};
  m.trigger.name = "payroll-cpu";
  m.trigger.monotonic_ns += 4'000'000'000;
  m.sampled_hz = 999;
  return bundle;
}

// Every id with its verdict and score.
std::set<std::string> verdicts(const Manifest& manifest, const Timeline& timeline, Onset& onset) {
  const FrameNames no_names;
  const View view(manifest, timeline, no_names);
  const Judgement judgement = judge(view, {});
  onset = judgement.onset;
  std::set<std::string> said;
  for (const Finding& finding : judgement.findings) said.insert(finding.id + " " + verdict_name(finding.verdict) + " " + std::to_string(finding.score));
  return said;
}

bool known_metric(std::string_view name) { return name == "process.rss" || name == "process.cpu.system" || name == "host.mem.free"; }

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
  CHECK(words.metric("beat.payroll.age") == "beat." + names.token(NameClass::kLabel, "payroll") + ".age");
  const std::string beat = names.token(NameClass::kLabel, "bfd");
  CHECK(words.metric("beat.bfd[203.0.113.9:3784].age") == "beat." + beat + "[" + names.endpoint("203.0.113.9:3784") + "].age");
  CHECK(words.metric("beat.bfd[[2001:db8::1]:3784].age") == "beat." + beat + "[" + names.endpoint("[2001:db8::1]:3784") + "].age");
  CHECK(words.metric("bystander[haproxy].cpu.total") == "bystander[" + label + "].cpu.total");
  CHECK(words.metric("bystander[k]worker].cpu.system").ends_with("].cpu.system"));
  for (const char* other : {"bystander[payroll].secret", "bystander[].cpu.total", "beat..age", "beat.payroll.secret"}) CHECK(words.metric(other).starts_with("metric-"));
  CHECK(words.rule_name("when-1") == "when-1");
  CHECK(words.rule_name("free-memory-jump") == "free-memory-jump");
  CHECK(words.rule_name("payroll-down").starts_with("label-"));
  // What is no rule is told by its name: a bundle of these accuses nobody.
  for (const char* asked : {"manual", "exit", "mark", "now", "drill", "recorder-died", "host-died"}) CHECK(words.rule_name(asked) == asked);
  CHECK(words.condition("the host died") == "the host died");
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

TEST_CASE("redact: the same findings speak, of the same moment") {
  Pseudonyms names("0123456789abcdef");
  const Bundle bundle = with_everything();
  const auto of_the_catalogue = [](std::string_view name) { return !name.starts_with("bystander") && !name.starts_with("beat"); };
  const Redacted out = redact(bundle, {{}, {}, of_the_catalogue, false}, names);
  Onset was, is;
  const auto before = verdicts(bundle.manifest, bundle.timeline, was);
  CHECK(verdicts(out.manifest, out.timeline, is) == before);
  CHECK(was.known);
  CHECK(is.known);
  CHECK(is.time == was.time);
  for (const char* speaks : {"lookups for", "other-programs for", "heartbeat for"})
    CHECK_MESSAGE(std::any_of(before.begin(), before.end(), [&](const std::string& said) { return said.starts_with(speaks); }), speaks);
  CHECK(sampling_frequency(out.manifest) == 999);
}

TEST_CASE("redact: what accuses nobody accuses nobody afterwards") {
  Bundle bundle = with_everything();
  bundle.manifest.episode = {};
  for (const auto& [name, when] : std::map<std::string, std::string>{{"manual", "asked for"}, {"now", "asked for"}, {"exit", "on-exit always"}, {"recorder-died", "the recorder died"}, {"host-died", "the host died"}}) {
    CAPTURE(name);
    Pseudonyms names("0123456789abcdef");
    bundle.manifest.trigger.name = name;
    bundle.manifest.trigger.when = when;
    const Redacted out = redact(bundle, {{}, {}, known_metric, false}, names);
    const FrameNames no_names;
    const View view(out.manifest, out.timeline, no_names);
    CHECK_FALSE(Evidence(view, Onset{}, {}).alarmed);
  }
}

TEST_CASE("redact: an episode keeps its stage and its moment, and loses its names") {
  Pseudonyms names("0123456789abcdef");
  Bundle bundle = with_everything();
  const RedactOptions options{{}, {}, known_metric, false};
  const Manifest::Episode is = redact(bundle, options, names).manifest.episode;
  CHECK(is.id.starts_with("2026-03-01T12:41:23.515Z.label-"));
  CHECK(is.stage == "end");
  CHECK(is.onset_ns == bundle.manifest.episode.onset_ns);
  CHECK(is.onset_bundle.starts_with("label-"));
  REQUIRE(is.rules.size() == 2);
  CHECK(is.rules[0] == redact(bundle, options, names).manifest.trigger.name);
  CHECK(is.rules[1] == "system-cpu");
  bundle.manifest.episode.id = "payroll";
  bundle.manifest.episode.stage = "payroll";
  const Manifest::Episode odd = redact(bundle, options, names).manifest.episode;
  CHECK(odd.id.starts_with("label-"));
  CHECK(odd.stage.empty());
  // The frequency of an older bundle is in its configuration only, which does not leave.
  bundle.manifest.sampled_hz = 0;
  bundle.manifest.config = "[sample]\nfrequency = 250\n";
  CHECK(redact(bundle, options, names).manifest.sampled_hz == 250);
}

TEST_CASE("redact: no name of the recording is left, and every record is") {
  Pseudonyms names("0123456789abcdef");
  const Bundle bundle = with_everything();
  const Timeline& was = bundle.timeline;
  const Redacted out = redact(bundle, {{}, {}, known_metric, false}, names);
  check_same_records(nameless(out.timeline), nameless(was));
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
  CHECK(out.manifest.host.name != bundle.manifest.host.name);
  CHECK(out.manifest.stacks.samples == bundle.manifest.stacks.samples);

  std::string all = to_json(out.manifest) + modules_json(out.timeline.stacks, out.slices);
  for (const Process& process : out.timeline.processes) {
    all += process.name + process.executable + process.target;
    for (const std::string& argument : process.command_line) all += argument;
  }
  for (const FailedSum& sum : out.timeline.failing) {
    CHECK(sum.example.starts_with(sum.directory));
    all += sum.process + sum.example;
    for (const std::string& ancestor : sum.ancestors) all += ancestor;
  }
  for (const Growth& growth : out.timeline.growth) all += growth.region;
  CHECK(all.find("payroll") == std::string::npos);
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

TEST_CASE("rescan: names that begin alike are told apart, and the first class of several is named") {
  Pseudonyms names("0123456789abcdef");
  for (const char* name : {"/usr/share/alice", "/usr/share/alice/one", "/usr/share/bob"}) names.token(NameClass::kArgument, name);
  names.token(NameClass::kThread, "/usr/share/alice");
  names.token(NameClass::kLabel, "/usr/share/alicia");
  names.token(NameClass::kPath, "share");
  const Rescan rescan(names, {"/usr/share/bobby"});
  CHECK(rescan.searched() == 4);
  CHECK(rescan.not_searched() == 2);
  CHECK(rescan.leak_in("in /usr/share/alice/two") == "thread");
  CHECK(rescan.leak_in("/usr/share/alice/one") == "thread");
  CHECK(rescan.leak_in("/usr/share/alicia") == "label");
  for (const char* none : {"/usr/share/alic", "/usr/share/ali", "/usr/share/bob", "/usr/share/zz", "/usr", ""}) CHECK(rescan.leak_in(none).empty());

  // Against a plain search, with names of two letters.
  std::mt19937 random(11);
  const auto word = [&](std::size_t most) {
    std::string text(5 + random() % most, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 2);
    return text + "9";
  };
  for (int round = 0; round < 50; ++round) {
    Pseudonyms some("0123456789abcdef");
    std::vector<std::string> all;
    for (int i = 0; i < 12; ++i) some.token(NameClass::kThread, all.emplace_back(word(8)));
    const Rescan search(some, {});
    const std::string text = word(40) + word(40);
    CHECK(search.leak_in(text).empty() == std::none_of(all.begin(), all.end(), [&](const std::string& name) { return text.find(name) != std::string::npos; }));
  }
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

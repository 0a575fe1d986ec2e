#include <doctest/doctest.h>
#include <stdlib.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <sstream>

#include "formats/compare/diff.hpp"
#include "formats/export/csv.hpp"
#include "formats/export/module_symbols.hpp"
#include "formats/export/ndjson.hpp"
#include "formats/export/perf_script.hpp"
#include "formats/export/pprof.hpp"
#include "formats/pack/signature.hpp"
#include "formats/perfetto_reader.hpp"
#include "formats/perfetto_writer.hpp"
#include "formats/sha256.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
using incident::contains;

namespace {

std::string of(const incident::Made& made, std::string (*make)(const ExportInput&), const ShowFilter& filter = {}) {
  const View view(made.bundle.manifest, made.bundle.timeline, made.names, filter);
  return make({made.bundle, made.names, view});
}

std::string named_pprof(const ExportInput& in) { return export_pprof(in, PprofFlavour::kNamed); }
std::string raw_pprof(const ExportInput& in) { return export_pprof(in, PprofFlavour::kRaw); }

std::string gunzipped(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  std::string out(8u << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

struct Profile {
  std::vector<std::int64_t> totals = std::vector<std::int64_t>(4);
  std::set<std::string> texts;
  std::size_t locations = 0, lines = 0;
};

Profile read(const std::string& gzipped) {
  Profile profile;
  const std::string bytes = gunzipped(gzipped);
  for (protozero::pbf_reader field(bytes); field.next();) {
    if (field.tag() == 2) {
      for (protozero::pbf_reader sample = field.get_message(); sample.next();) {
        if (sample.tag() != 2) {
          sample.skip();
          continue;
        }
        std::size_t i = 0;
        for (const std::int64_t value : sample.get_packed_int64()) {
          std::int64_t& total = profile.totals.at(i++);  // a made-up stall may last as long as can be written
          if (__builtin_add_overflow(total, value, &total)) total = std::numeric_limits<std::int64_t>::max();
        }
      }
    } else if (field.tag() == 4) {
      ++profile.locations;
      for (protozero::pbf_reader location = field.get_message(); location.next(); location.skip()) profile.lines += location.tag() == 4;
    } else if (field.tag() == 6) {
      profile.texts.insert(field.get_string());
    } else {
      field.skip();
    }
  }
  return profile;
}

// The incident with a directory to it, in which it is held to have nothing but its manifest's files.
struct OnDisk {
  incident::Made made = incident::make();
  std::string above = "/tmp/fdr-ndjson-XXXXXX";
  OnDisk() {
    REQUIRE(::mkdtemp(above.data()));
    made.bundle.path = above + "/incident.fdr";
    std::filesystem::create_directory(made.bundle.path);
  }
  ~OnDisk() { std::filesystem::remove_all(above); }
};

using Kinds = std::map<std::string, std::vector<nlohmann::ordered_json>>;

Kinds ndjson_kinds(const std::string& text, std::size_t* rows = nullptr) {
  std::istringstream in(text);
  Kinds kinds;
  for (std::string line; std::getline(in, line);) {
    const auto row = nlohmann::ordered_json::parse(line);
    std::string keys;
    for (const auto& [key, value] : row.items()) keys += key + " ";
    REQUIRE(keys == "bundle host time kind name value labels ");
    REQUIRE(row["host"] == "web1");
    kinds[row["kind"]].push_back(row);
    if (rows) ++*rows;
  }
  return kinds;
}

}  // namespace

TEST_CASE("pprof: totals are those of show, stalls on the CPU are none off it") {
  auto made = incident::make();
  Growth kept;
  kept.time = incident::at(-1);
  kept.thread = 0;
  kept.bytes = 4 << 20;
  Growth gone = kept;
  gone.given_back = incident::at(0);
  made.bundle.timeline.growth = {kept, gone};
  const Profile profile = read(of(made, named_pprof));
  CHECK(profile.totals[0] == 6435);
  CHECK(profile.totals[1] == 6435ll * 10'101'010);  // 99 a second, where the configuration does not say
  CHECK(profile.totals[2] == 40'000'000'000 + 3'770'000'000 + 120'000'000);
  CHECK(profile.totals[3] == 4 << 20);
  for (const char* text : {"main", "conn_send", "raw_sock_from_buf", "src/haproxy.c", "_raw_spin_lock", "libssl.so.3+0x1234",
                           "haproxy/log", "uninterruptible", "(no stack: not-walked)"}) {
    CAPTURE(text);
    CHECK(profile.texts.contains(text));
  }
  CHECK(profile.texts.contains("fired system-cpu: process[haproxy].cpu.system > 30% for 1s = 41.2 % at 2026-03-01T12:41:23.456Z"));
  CHECK(profile.texts.contains("lost: stacks: 12 clock ticks did not run"));
  CHECK(profile.lines == profile.locations + 1);  // one was inlined
}

TEST_CASE("pprof-raw: the kernel's names only, and every build-id") {
  const Profile profile = read(of(incident::make(), raw_pprof));
  CHECK(profile.totals[0] == 6435);
  CHECK(profile.texts.contains("tcp_sendmsg"));
  CHECK_FALSE(profile.texts.contains("main"));
  CHECK(profile.texts.contains("0123456789abcdef"));
  CHECK(profile.texts.contains("[kernel.kallsyms]"));
}

TEST_CASE("pprof: numbers of a stranger neither overflow nor turn negative") {
  auto made = incident::make();
  made.bundle.timeline.stalls[0].length = Duration::max();
  made.bundle.timeline.stalls.push_back(made.bundle.timeline.stalls[0]);
  made.bundle.timeline.stalls.push_back(made.bundle.timeline.stalls[0]);
  made.bundle.timeline.stalls.back().length = Duration::min();
  made.bundle.timeline.stalls.back().kind = StallKind::kBlocked;
  Growth growth;
  growth.time = incident::at(-1);
  growth.bytes = UINT64_MAX;
  made.bundle.timeline.growth = {growth, growth};
  const auto far = made.bundle.timeline.stacks.intern_frame(0, UINT64_MAX);
  const std::uint32_t frames[] = {far};
  made.bundle.timeline.samples.push_back({incident::at(0), 0, 0, false, made.bundle.timeline.stacks.intern_stack(frames), WalkEnd::kRoot});
  const Profile profile = read(of(made, named_pprof));
  CHECK(profile.totals[0] == 6436);
  CHECK(profile.totals[3] == INT64_MAX);
}

TEST_CASE("perf-script: header, frames innermost first, inlined ones, offsets where a function's beginning is known") {
  auto made = incident::make();
  RecordedModule module;
  module.module = made.bundle.timeline.stacks.modules()[0];
  module.slice.functions = {{0x2ff0, 0x100, "raw_sock_from_buf"}, {0xf00, 0x80, "not_main"}};
  made.bundle.modules = {module};
  const std::string text = of(made, export_perf_script);
  CHECK(text.starts_with("haproxy  4242 [001]   940.005000:   10101010 cpu-clock: \n"
                         "\tffffffff81000200 _raw_spin_lock ([kernel.kallsyms])\n"
                         "\tffffffff81000100 tcp_sendmsg ([kernel.kallsyms])\n"
                         "\t            3000 conn_send (inlined)\n"
                         "\t            3000 raw_sock_from_buf+0x10 (/usr/sbin/haproxy)\n"
                         "\t            2000 run_poll_loop (/usr/sbin/haproxy)\n"
                         "\t            1000 main (/usr/sbin/haproxy)\n\n"));
  CHECK(contains(text, "\t            1234 libssl.so.3+0x1234 (/usr/lib/libssl.so.3)\n"));
  CHECK(incident::count(text, "cpu-clock:") == 6435);
  ShowFilter filter;
  filter.thread = 4250;
  CHECK(contains(of(made, export_perf_script, filter), "haproxy/log  4250 ["));
  CHECK_FALSE(contains(of(made, export_perf_script, filter), "4242"));
}

TEST_CASE("csv: as recorded, quoted where it must be") {
  auto made = incident::make();
  made.bundle.timeline.metrics.push_back({"odd,\"name\"\n", Unit::kNone, MetricKind::kGauge, {{incident::at(0), 0.5}, {incident::at(1), NAN}}});
  const std::string text = of(made, export_csv);
  CHECK(text.starts_with("time,at_s,monotonic_ns,name,unit,kind,value\r\n"));
  CHECK(contains(text, "\r\n2026-03-01T12:40:23.456Z,-60,940000000000,process[haproxy].cpu.system,%,gauge,8\r\n"));
  CHECK(contains(text, "host.vm.faults,count,counter,100\r\n"));
  CHECK(contains(text, ",0,1000000000000,\"odd,\"\"name\"\"\\x0a\",,gauge,0.5\r\n"));
  CHECK(incident::count(text, "\r\n") == 1 + 4 * 650 + 1);
}

TEST_CASE("ndjson: every row has the one schema, and says what show says") {
  OnDisk on_disk;
  incident::Made& made = on_disk.made;
  std::size_t rows = 0;
  Kinds kinds = ndjson_kinds(of(made, export_ndjson), &rows);
  CHECK(kinds["bundle"].size() == 1);
  CHECK(kinds["bundle"].at(0)["name"] == sha256_hex(to_json(made.bundle.manifest)));
  CHECK(kinds["bundle"].at(0)["value"] == rows - 1);  // it counts the others
  CHECK(kinds["bundle"].at(0)["labels"]["grade"] == "reduced");
  CHECK(kinds["bundle"].at(0)["labels"]["onset"] == "2026-03-01T12:41:21.956Z");
  CHECK(kinds["trigger"].at(0)["bundle"] == "incident.fdr");
  CHECK(kinds["trigger"].at(0)["name"] == "system-cpu");
  CHECK(kinds["trigger"].at(0)["value"] == 41.25);
  CHECK(kinds["stack"].size() == 3);
  CHECK(kinds["stack"].at(0)["name"] == "_raw_spin_lock");
  CHECK(kinds["slow"].at(0)["time"] == "2026-03-01T12:41:22.256Z");
  CHECK(kinds["slow"].at(0)["value"] == 3'770'000'000);
  CHECK(kinds["slow"].at(0)["labels"]["subject"] == "/var/log/haproxy.log");
  CHECK(kinds["metric"].size() == 4 * 650);
  CHECK(kinds["failed"].size() == 2);
  CHECK(kinds["stall"].size() == 4);
  CHECK(kinds["process"].size() == 2);
  CHECK(kinds["finding"].size() > 20);
  CHECK(kinds["module"].size() == 3);
  std::set<std::string> events;
  for (const auto& row : kinds["event"]) events.insert(row["name"]);
  CHECK(events.contains("mark"));
  CHECK(events.contains("stall"));
}

TEST_CASE("ndjson: a signature as a pack has it, whatever part is asked for; what changed as diff has it") {
  OnDisk on_disk;
  incident::Made& made = on_disk.made;
  Kinds kinds = ndjson_kinds(of(made, export_ndjson));
  const Signature signature = signature_of(made.bundle, made.names);
  REQUIRE(kinds["signature"].size() == 1);
  CHECK(kinds["signature"].at(0)["name"] == signature.id());
  CHECK(kinds["signature"].at(0)["labels"]["stack"].back() == signature.stack.front());
  std::size_t changed = 0;
  for (const DiffPart& part : diff_within({made.bundle, made.names}).parts)
    for (const DiffRow& row : part.rows) changed += row.base != row.now;
  CHECK(changed > 0);
  CHECK(kinds["change"].size() == changed);
  const auto system = std::find_if(kinds["change"].begin(), kinds["change"].end(), [](const auto& row) { return row["name"] == "process[haproxy].cpu.system"; });
  REQUIRE(system != kinds["change"].end());
  CHECK((*system)["labels"]["part"] == "metrics");
  CHECK((*system)["labels"]["now"] == 41.25);
  CHECK((*system)["value"].get<double>() == doctest::Approx(41.25 - (*system)["labels"]["base"].get<double>()));

  ShowFilter filter;
  filter.from_s = 1;
  CHECK(ndjson_kinds(of(made, export_ndjson, filter))["signature"].at(0)["name"] == signature.id());
  made.bundle.manifest.trigger.when = "host.swap.used > 1GB";  // no onset to be found on
  CHECK(ndjson_kinds(of(made, export_ndjson))["change"].empty());
}

TEST_CASE("ndjson: failed calls by program name their executable where it is known") {
  OnDisk on_disk;
  incident::Made& made = on_disk.made;
  FailedSum sum;
  sum.process = "curl";
  sum.pid = 777;
  sum.number = incident::number("openat");
  sum.error = 2;
  sum.directory = "/etc/pki/nssdb/";
  sum.example = "/etc/pki/nssdb/key4.db";
  sum.calls = 700;
  sum.distinct = 600;
  sum.first = sum.last = incident::at(-1);
  FailedSum stranger = sum;
  stranger.process = "wget";  // the pid is another's by now
  made.bundle.timeline.failing = {sum, stranger};
  Kinds kinds = ndjson_kinds(of(made, export_ndjson));
  CHECK(kinds["failed"].at(0)["value"] == 700);
  CHECK(kinds["failed"].at(0)["labels"]["executable"] == "curl");
  CHECK(kinds["failed"].at(0)["labels"]["directory"] == "/etc/pki/nssdb/");
  CHECK(kinds["failed"].at(1)["labels"]["executable"].is_null());
  CHECK(kinds["failed"].back()["labels"]["directory"].is_null());  // a single call
}

TEST_CASE("ndjson: lines of the user's logs at their time, none of outside the window") {
  OnDisk on_disk;
  incident::Made& made = on_disk.made;
  std::ofstream(made.bundle.path + "/logs.ndjson") << R"({"log":"app","place":"/var/log/app.log","since_ns":0,"lines":2,"problem":""})" "\n"
                                                      R"({"monotonic_ns":1,"source":"app","text":"long ago"})" "\n"
                                                      R"({"monotonic_ns":999000000000,"source":"app","text":"lost \"it\""})" "\n";
  CHECK(ndjson_kinds(of(made, export_ndjson))["log"].empty());  // the manifest does not name it
  made.bundle.manifest.files["logs.ndjson"] = "";
  Kinds kinds = ndjson_kinds(of(made, export_ndjson));
  REQUIRE(kinds["log"].size() == 1);
  CHECK(kinds["log"].at(0)["name"] == "app");
  CHECK(kinds["log"].at(0)["time"] == "2026-03-01T12:41:22.456Z");
  CHECK(kinds["log"].at(0)["labels"]["line"] == "lost \"it\"");
}

TEST_CASE("ndjson: a bundle is called as it was given") {
  const OnDisk on_disk;
  const incident::Made& made = on_disk.made;
  const View view(made.bundle.manifest, made.bundle.timeline, made.names);
  for (const auto& [given, name] : {std::pair{"/cases/4711.zip", "4711.zip"}, {"here/there.fdr/", "there.fdr"}, {"one.fdr", "one.fdr"}})
    CHECK(ndjson_kinds(export_ndjson({made.bundle, made.names, view, given}))["trigger"].at(0)["bundle"] == name);
}

TEST_CASE("perfetto with names: symbols of sampled frames behind the trace, which reads as before") {
  auto made = incident::make();
  Timeline& t = made.bundle.timeline;
  const std::uint32_t never[] = {t.stacks.intern_frame(0, 0x9000)};  // of a stall alone
  t.stalls[1].stack = t.stacks.intern_stack(never);
  made.names.resize(t.stacks.frames().size());
  made.names.back() = {{"in_a_stall_only", "", 0}};
  std::string trace;
  write_perfetto(t, {"system-cpu", incident::at(0)}, [&](std::string_view piece) { trace += piece; });
  const std::string symbols = module_symbols(t, made.names);
  for (const char* text : {"raw_sock_from_buf", "conn_send", "include/conn.h", "/usr/sbin/haproxy"}) CHECK(contains(symbols, text));
  for (const char* text : {"in_a_stall_only", "tcp_sendmsg", "libssl"}) CHECK_FALSE(contains(symbols, text));
  const ReadResult result = read_perfetto(trace + symbols);
  CHECK(result.complete);
  CHECK(result.timeline.samples == t.samples);
}

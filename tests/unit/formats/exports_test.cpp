#include <doctest/doctest.h>
#include <zlib.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <sstream>

#include "formats/export/csv.hpp"
#include "formats/export/module_symbols.hpp"
#include "formats/export/ndjson.hpp"
#include "formats/export/perf_script.hpp"
#include "formats/export/pprof.hpp"
#include "formats/perfetto_reader.hpp"
#include "formats/perfetto_writer.hpp"
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
  auto made = incident::make();
  std::istringstream in(of(made, export_ndjson));
  std::map<std::string, std::vector<nlohmann::ordered_json>> kinds;
  for (std::string line; std::getline(in, line);) {
    const auto row = nlohmann::ordered_json::parse(line);
    std::string keys;
    for (const auto& [key, value] : row.items()) keys += key + " ";
    REQUIRE(keys == "bundle host time kind name value labels ");
    REQUIRE(row["bundle"] == "incident.fdr");
    REQUIRE(row["host"] == "web1");
    kinds[row["kind"]].push_back(row);
  }
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

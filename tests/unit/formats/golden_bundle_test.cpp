// A bundle of each version of the format, kept for ever: tests/golden/bundles/format-N.fdr, and beside it the report that is made
// of it. A format that can no longer be read, or is read otherwise, fails here. Where the report itself was changed on purpose:
// UPDATE_GOLDEN=1. The bundle is never written anew; a new version of the format gets its own, made by
// FDR_GOLDEN_BUNDLE=DIR from the made-up incident.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "formats/bundle_reader.hpp"
#include "formats/bundle_writer.hpp"
#include "formats/report/report.hpp"
#include "tests/unit/formats/incident.hpp"
#include "unwind/symbolizer.hpp"

using namespace fdr;
namespace fs = std::filesystem;

namespace {

const fs::path kBundles = fs::path(FDR_TEST_DATA) / "golden/bundles";

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

FrameNames names_in(const Bundle& bundle) {
  return recorded_names(bundle.timeline.stacks, slices_of(bundle.timeline.stacks, bundle.modules));
}

std::string report_of(const Bundle& bundle) { return report_text(bundle, names_in(bundle), {}, {80, false}); }

}  // namespace

TEST_CASE("golden bundle: one of format 1 is read as it was meant") {
  const Bundle bundle = read_bundle(kBundles / "format-1.fdr");
  CHECK(bundle.manifest.format == 1);
  CHECK(bundle.problems.empty());
  const Timeline& t = bundle.timeline;
  CHECK(t.samples.size() == 6500);
  CHECK(t.syscalls.size() == 10);
  CHECK(t.slow.size() == 1);
  CHECK(t.failed.size() == 13);
  CHECK(t.summary.size() == 195);
  CHECK(t.stalls.size() == 4);
  CHECK(t.growth.size() == 2);
  CHECK(t.life.size() == 4);
  CHECK(t.metrics.size() == 4);
  CHECK(t.threads.size() == 3);
  const std::string stacks = show_json(bundle, names_in(bundle), "stacks", {});
  CHECK(incident::contains(stacks, R"(["main","run_poll_loop","raw_sock_from_buf","tcp_sendmsg","_raw_spin_lock"])"));
  const fs::path expected = kBundles / "format-1.report.txt";
  const std::string report = report_of(bundle);
  if (std::getenv("UPDATE_GOLDEN")) std::ofstream(expected, std::ios::binary) << report;
  INFO("the report of a golden bundle has changed; if that is meant: UPDATE_GOLDEN=1");
  CHECK(report == text_of(expected));
}

TEST_CASE("golden bundle: a new one is written where it is asked for" * doctest::skip(!std::getenv("FDR_GOLDEN_BUNDLE"))) {
  auto made = incident::make();
  Timeline& t = made.bundle.timeline;
  Growth kept;
  kept.time = incident::at(-1);
  kept.thread = 0;
  kept.bytes = 4 << 20;
  kept.region = "[heap]";
  kept.stack = t.samples[0].stack;
  kept.end = WalkEnd::kRoot;
  Growth gone = kept;
  gone.time = incident::at(1);
  gone.given_back = incident::at(2);
  t.growth = {kept, gone};
  ModuleSlice program;
  program.source = "symtab";
  program.functions = {{0x1000, 0x100, "main"}, {0x2000, 0x100, "run_poll_loop"}, {0x3000, 0x100, "raw_sock_from_buf"}};
  BundleWriter writer(std::getenv("FDR_GOLDEN_BUNDLE"), "format-" + std::to_string(kBundleFormat));
  writer.add_trace(t, {made.bundle.manifest.trigger.name, incident::at(0)});
  writer.add_modules(t.stacks, {program});
  writer.add_file("ledger.ndjson", "{\"rule\":\"system-cpu\",\"value\":41.25}\n");
  writer.add_file("system/at/sockets.ndjson",
                  "{\"protocol\":\"tcp\",\"state\":\"established\",\"local\":\"10.0.0.1:80\",\"remote\":\"10.0.0.2:40000\","
                  "\"recv_q\":0,\"send_q\":0,\"drops\":0,\"rcvbuf\":131072,\"inode\":9,\"uid\":0,\"pid\":4242,\"netns\":1}\n");
  writer.add_file("system/at/meminfo", "MemTotal: 16777216 kB\nMemFree: 878906 kB\n");
  CHECK(fs::exists(writer.finish(made.bundle.manifest)));
}

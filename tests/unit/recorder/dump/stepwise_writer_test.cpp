#include "recorder/dump/stepwise_writer.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "formats/bundle_reader.hpp"
#include "formats/bundle_writer.hpp"
#include "formats/pack/verify.hpp"
#include "recorder/bundles/retention.hpp"
#include "recorder/system/disk_room.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
namespace fs = std::filesystem;

namespace {

// Raw calls that do not compress away: 100 000 of them take about a megabyte.
struct Made {
  Timeline timeline;
  BundleParts parts{.timeline = timeline, .slices = {}, .ledger = "{}\n", .files = {{"system/at/meminfo", std::string(5000, 'm')}}};
  test::TestDirectory directory;

  explicit Made(std::size_t calls = 100'000) {
    timeline.kernel = "6.1.0";
    timeline.cpus = 2;
    timeline.begin = from_ns(1'000'000'000);
    timeline.end = from_ns(60'000'000'000);
    Process process;
    process.pid = 42;
    process.name = "server";
    process.target = "server";
    timeline.processes = {process};
    Thread thread;
    thread.tid = 42;
    thread.process = 0;
    timeline.threads = {thread};
    const auto module = timeline.stacks.intern_module({ModuleKind::kFile, "/usr/bin/server", "ab12"});
    const std::uint32_t frames[] = {timeline.stacks.intern_frame(module, 0x1000)};
    timeline.samples.push_back({from_ns(2'000'000'000), 0, 1, false, timeline.stacks.intern_stack(frames), WalkEnd::kRoot});
    timeline.metrics.push_back({"process.rss", Unit::kBytes, MetricKind::kGauge, {{from_ns(2'000'000'000), 1e6}}});
    timeline.life.push_back({from_ns(50'000'000'000), LifeKind::kTrigger, kNoIndex, "busy", 0});
    std::uint64_t state = 88172645463325252u;
    for (std::size_t i = 0; i < calls; ++i) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      SyscallCall call;
      call.begin = from_ns(2'000'000'000 + static_cast<std::int64_t>(i) * 100'000);
      call.wall = Duration{static_cast<std::int64_t>(state % 50'000)};
      call.thread = 0;
      call.argument = state;
      timeline.syscalls.push_back(call);
    }
    DetailedCall slow;
    slow.call = SyscallCall{from_ns(3'000'000'000), std::chrono::milliseconds(80), {}, 0};
    timeline.slow.push_back(slow);
  }

  BundlePlace place(Rung lowest = Rung::kSummary) const { return {.directory = directory.path("out"), .name = "2026-03-01T12-41-23Z.web1.server.busy", .keep_free_percent = 0, .lowest = lowest}; }
  WrittenBundle write(Rung lowest = Rung::kSummary) { return write_stepwise(parts, {"busy", from_ns(50'000'000'000)}, place(lowest), fill); }

  static void fill(Manifest& manifest) {
    manifest.fdr_version = "0.1.0";
    manifest.host = {"web1", "6.1.0", "x86_64", 2, 1 << 30};
    manifest.trigger.name = "busy";
    manifest.trigger.monotonic_ns = 50'000'000'000;
    manifest.window = {1'000'000'000, 60'000'000'000, 49, 10};
    manifest.clock = {1'772'368'883'000'000'000, 50'000'000'000, 50'000'000'000};
    manifest.rings["syscalls"] = {60, 58, 100'000, 100'000, 0, 0, 0, 0};
    manifest.rings["stacks"] = {60, 59, 1, 1, 0, 0, 0, 0};
    manifest.losses = {"something else"};
  }
};

// A limit of file size stands for a full disk: the kernel refuses, in the same place of our code, without a mount.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileLimit(const FileLimit&) = delete;
  ~FileLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

Bundle whole(const std::string& path) {
  Bundle bundle = read_bundle(path);
  CHECK(bundle.problems.empty());
  CHECK(verify_bundle(path).ok());
  return bundle;
}

// The newest bundle, as far as its size goes.
void bundle_of(const Made& made, std::uint64_t bytes, const std::string& rung = "full", std::uint64_t needed = 0) {
  BundleWriter writer(made.directory.path("out"), "2026-03-01T12-00-00Z.web1.server.busy");
  writer.add_file("filler", std::string(bytes, 'x'));
  Manifest manifest;
  Made::fill(manifest);
  manifest.written.rung = rung;
  manifest.written.needed_bytes = needed;
  writer.finish(manifest);
}

}  // namespace

TEST_CASE("rungs: with room for it a bundle is full and says so") {
  Made made;
  const WrittenBundle written = made.write();
  CHECK(written.reduced.empty());
  const Bundle bundle = whole(written.path);
  CHECK(bundle.manifest.written.rung == "full");
  CHECK(bundle.manifest.written.left_out.empty());
  CHECK(bundle.timeline.syscalls.size() == 100'000);
  CHECK(bundle.manifest.losses == std::vector<std::string>{"something else"});
}

TEST_CASE("rungs: what does not fit is left out, and the bundle says what and why") {
  Made made;
  std::string path;
  {
    const FileLimit limit(100'000);  // the trace with raw calls is larger, without them far smaller
    const WrittenBundle written = made.write();
    path = written.path;
    CHECK(written.reduced.starts_with("written without raw syscalls: "));
    CHECK(written.reduced.find("File too large") != std::string::npos);
  }
  const Bundle bundle = whole(path);
  CHECK(bundle.manifest.written.rung == "no-raw-syscalls");
  CHECK(bundle.manifest.written.left_out == std::vector<std::string>{"syscalls"});
  CHECK(bundle.manifest.losses.front().starts_with("written without raw syscalls: "));
  CHECK(bundle.manifest.losses.back() == "something else");
  CHECK(bundle.manifest.rings.at("syscalls").kept == 0);
  CHECK(bundle.manifest.rings.at("syscalls").obtained_s == 0);
  CHECK(bundle.manifest.rings.at("stacks").kept == 1);
  CHECK(bundle.timeline.syscalls.empty());
  CHECK(bundle.timeline.slow.size() == 1);
  CHECK(bundle.timeline.samples.size() == 1);
  CHECK(read_bundle_text(path, "system/at/meminfo"));
  CHECK(std::distance(fs::directory_iterator(made.directory.path("out")), fs::directory_iterator{}) == 1);  // nothing half written
}

TEST_CASE("rungs: text goes before metrics and stacks do, and the screen stays to the last") {
  Made made(10);
  made.parts.files["logs.ndjson"] = std::string(200'000, 'l');
  {
    const FileLimit limit(100'000);
    const Bundle bundle = whole(made.write().path);
    CHECK(bundle.manifest.written.rung == "metrics-and-stacks");
    CHECK(bundle.timeline.slow.empty());
    CHECK(bundle.timeline.metrics.size() == 1);
    CHECK(bundle.timeline.samples.size() == 1);
    CHECK_FALSE(read_bundle_text(bundle.path, "system/at/meminfo"));
  }
  Made tight(10);
  for (int i = 0; i < 3000; ++i) tight.timeline.metrics.push_back({"a.metric.with.a.name." + std::to_string(i * 7919), Unit::kBytes, MetricKind::kGauge, {{from_ns(2'000'000'000), 1e6 + i}}});
  const FileLimit limit(12'000);
  const Bundle bundle = whole(tight.write().path);
  CHECK(bundle.manifest.written.rung == "summary");
  CHECK(bundle.timeline.samples.empty());
  CHECK(bundle.timeline.metrics.empty());
  REQUIRE(bundle.timeline.processes.size() == 1);
  CHECK(bundle.timeline.processes.front().name == "server");
  const std::string screen = read_bundle_text(bundle.path, "summary.txt").value();
  CHECK(screen.find("1 samples") != std::string::npos);  // as seen before they were left out
  CHECK(screen.find("manifest and summary only") != std::string::npos);
}

TEST_CASE("rungs: a size that was seen is a forecast") {
  Made made;
  bundle_of(made, 3'000'000);
  const std::uint64_t forecast = forecast_bytes(made.directory.path("out"));
  CHECK(forecast > 3'000'000);
  CHECK(forecast < 3'100'000);
  // On a disk where nothing else may be written: keep_free of (nearly) all that is free.
  const std::uint64_t free = room_in(made.directory.path("out"), 0).value();
  CHECK(room_in(made.directory.path("out"), 100).value() == 0);
  CHECK(free > 0);
}

TEST_CASE("rungs: the forecast of a bundle that was not full is what a full one would have taken") {
  const Made made;
  bundle_of(made, 10'000, "no-raw-syscalls", 12'000'000);
  CHECK(forecast_bytes(made.directory.path("out")) == 12'000'000);
  CHECK(forecast_bytes(made.directory.path("nowhere")) == 0);
}

TEST_CASE("rungs: with no room for a full one by the forecast none is begun") {
  Made made;
  bundle_of(made, 10'000, "no-raw-syscalls", 1ull << 60);  // of a disk that nobody has
  const WrittenBundle written = made.write();
  CHECK(written.reduced.find(" free, ") != std::string::npos);
  CHECK(written.reduced.find("needed") != std::string::npos);
  const Bundle bundle = whole(written.path);
  CHECK(bundle.manifest.written.rung == "no-raw-syscalls");
  CHECK(bundle.manifest.written.needed_bytes == 1ull << 60);
}

TEST_CASE("rungs: less than the lowest is an error, and leaves nothing behind") {
  Made made;
  {
    const FileLimit limit(100'000);
    CHECK_THROWS_AS(made.write(Rung::kFull), NoRoom);
  }
  CHECK(fs::is_empty(made.directory.path("out")));
  CHECK(made.write(Rung::kFull).reduced.empty());  // the raw calls are still there
}

TEST_CASE("rungs: a writer takes no more of the disk than it may") {
  const Made made;
  BundleWriter writer(made.directory.path("out"), "b", 20'000);
  writer.add_file("one", std::string(8000, 'x'));  // two blocks
  CHECK_THROWS_AS(writer.add_file("two", std::string(13'000, 'x')), NoRoom);
  CHECK(fs::file_size(writer.partial_path() + "/two") == 0);
  writer.abandon();
}

TEST_CASE("rungs: a manifest without the key is of a full bundle") {
  Manifest manifest;
  Made::fill(manifest);
  std::string text = to_json(manifest);
  const auto at = text.find("\"written\"");
  REQUIRE(at != std::string::npos);
  CHECK(manifest_from_json(text.replace(at, 9, "\"wrotten\"")).written.rung == "full");
}

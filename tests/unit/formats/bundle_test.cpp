#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "formats/bundle_reader.hpp"
#include "formats/bundle_writer.hpp"
#include "formats/error.hpp"
#include "formats/sha256.hpp"

using namespace fdr;
namespace fs = std::filesystem;

namespace {

// A directory of its own for each test, gone afterwards.
struct Scratch {
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "fdr-bundle-test-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Scratch() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  fs::path path;
};

Manifest small_manifest() {
  Manifest m;
  m.fdr_version = "0.1.0";
  m.host = {"web1", "6.1.0", "x86_64", 2, 1 << 30};
  m.trigger.name = "manual";
  m.trigger.monotonic_ns = 50'000'000'000;
  m.window = {0, 60'000'000'000, 50, 10};
  m.clock = {1'772'368'883'000'000'000, 50'000'000'000, 50'000'000'000};
  return m;
}

Timeline small_timeline() {
  Timeline t;
  t.kernel = "6.1.0";
  t.cpus = 2;
  t.anchor = {1'772'368'883'000'000'000, 50'000'000'000, 50'000'000'000};
  t.begin = from_ns(1'000'000'000);
  t.end = from_ns(60'000'000'000);
  Process process;
  process.pid = 42;
  process.name = "redis-server";
  t.processes.push_back(process);
  Thread thread;
  thread.tid = 42;
  thread.process = 0;
  thread.name = "redis-server";
  t.threads.push_back(thread);
  const auto module = t.stacks.intern_module({ModuleKind::kFile, "/usr/bin/redis-server", "ab12"});
  const std::uint32_t frames[] = {t.stacks.intern_frame(module, 0x1000), t.stacks.intern_frame(module, 0x2000)};
  t.samples.push_back({from_ns(2'000'000'000), 0, 1, false, t.stacks.intern_stack(frames), WalkEnd::kRoot});
  t.life.push_back({from_ns(50'000'000'000), LifeKind::kTrigger, kNoIndex, "manual", 0});
  return t;
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string write_small(const std::string& directory, const std::string& name = "b") {
  BundleWriter writer(directory, name);
  writer.add_trace(small_timeline(), {"manual", from_ns(50'000'000'000)});
  writer.add_modules(small_timeline().stacks);
  writer.add_file("system/at/meminfo", "MemFree: 12 kB\n");
  return writer.finish(small_manifest());
}

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("bundle: names are made of safe parts") {
  CHECK(bundle_name(1'772'368'883'000'000'000, "web1", "haproxy", "system-cpu") ==
        "2026-03-01T12-41-23Z.web1.haproxy.system-cpu");
  CHECK(bundle_name(0, "../../etc", "a b/c", "") == "1970-01-01T00-00-00Z...-..-etc.a-b-c.unnamed");
  CHECK(bundle_name(0, std::string(100, 'h'), "t", "r") == "1970-01-01T00-00-00Z." + std::string(32, 'h') + ".t.r");
}

TEST_CASE("bundle: what was written is read back, under the final name only") {
  const Scratch scratch;
  const std::string directory = scratch / "out";
  std::string final_path;
  {
    BundleWriter writer(directory, "b");
    CHECK(writer.partial_path() == directory + "/b.fdr.partial");
    writer.add_trace(small_timeline(), {"manual", from_ns(50'000'000'000)});
    writer.add_file("system/at/meminfo", "MemFree: 12 kB\n");
    CHECK(fs::exists(directory + "/b.fdr.partial/trace.pftrace"));
    CHECK_FALSE(fs::exists(directory + "/b.fdr"));
    const std::uint64_t before = writer.bytes_written();
    CHECK(before > 15);
    final_path = writer.finish(small_manifest());
    CHECK(writer.bytes_written() > before);
  }
  CHECK(final_path == directory + "/b.fdr");
  CHECK_FALSE(fs::exists(directory + "/b.fdr.partial"));

  const Bundle bundle = read_bundle(final_path + "/");
  CHECK(bundle.problems.empty());
  CHECK_FALSE(bundle.partial);
  CHECK(bundle.manifest.trigger.name == "manual");
  CHECK(bundle.manifest.files.at("system/at/meminfo") == sha256_hex("MemFree: 12 kB\n"));
  CHECK(bundle.manifest.files.at("trace.pftrace") == sha256_hex(contents(final_path + "/trace.pftrace")));
  CHECK(bundle.manifest.files.count("manifest.json") == 0);
  REQUIRE(bundle.timeline.samples.size() == 1);
  CHECK(bundle.timeline.stacks.stack(bundle.timeline.samples[0].stack).size() == 2);
  CHECK(read_bundle_text(final_path, "system/at/meminfo") == "MemFree: 12 kB\n");
  CHECK(read_bundle_text(final_path, "system/at/meminfo", 7) == "MemFree");
}

TEST_CASE("bundle: modules.json lists each module with its build-id") {
  const Scratch scratch;
  const auto json = nlohmann::json::parse(contents(write_small(scratch / "out") + "/modules.json"));
  REQUIRE(json.at("modules").size() == 1);
  CHECK(json["modules"][0]["path"] == "/usr/bin/redis-server");
  CHECK(json["modules"][0]["build_id"] == "ab12");
  CHECK(json["modules"][0]["frames"] == 2);
}

TEST_CASE("bundle: nobody else may read it, whatever the umask") {
  const Scratch scratch;
  const mode_t old = ::umask(0);
  const std::string path = write_small(scratch / "new");
  ::umask(old);
  CHECK(mode_of(scratch / "new") == 0700);
  CHECK(mode_of(path) == 0700);
  CHECK(mode_of(path + "/system") == 0700);
  CHECK(mode_of(path + "/system/at/meminfo") == 0600);
  CHECK(mode_of(path + "/manifest.json") == 0600);
}

TEST_CASE("bundle: a taken name is numbered, never overwritten") {
  const Scratch scratch;
  CHECK(write_small(scratch / "out") == scratch / "out/b.fdr");
  CHECK(write_small(scratch / "out") == scratch / "out/b-2.fdr");
  CHECK(write_small(scratch / "out") == scratch / "out/b-3.fdr");

  // Also where the name is taken between the start and the end, even by an empty directory, which rename() would
  // replace.
  BundleWriter writer(scratch / "other", "c");
  fs::create_directory(scratch / "other/c.fdr");
  CHECK(writer.finish(small_manifest()) == scratch / "other/c-2.fdr");
  CHECK(fs::is_empty(scratch / "other/c.fdr"));
}

TEST_CASE("bundle: an abandoned one leaves nothing") {
  const Scratch scratch;
  {
    BundleWriter writer(scratch / "out", "b");
    writer.add_file("system/at/meminfo", "x");
    writer.abandon();
  }
  CHECK(fs::is_empty(scratch / "out"));
}

TEST_CASE("bundle: an unfinished one stays partial and is read as far as it goes") {
  const Scratch scratch;
  std::string partial;
  {
    BundleWriter writer(scratch / "out", "b");
    partial = writer.partial_path();
    writer.add_trace(small_timeline(), {"manual", from_ns(50'000'000'000)});
  }
  REQUIRE(fs::exists(partial));
  CHECK_FALSE(fs::exists(scratch / "out/b.fdr"));
  const Bundle bundle = read_bundle(partial);
  CHECK(bundle.partial);
  CHECK(bundle.timeline.samples.size() == 1);
  CHECK(bundle.manifest.trigger.monotonic_ns == 50'000'000'000);
  CHECK(bundle.manifest.stacks.samples == 1);
  REQUIRE_FALSE(bundle.problems.empty());
  CHECK(bundle.problems[0].find("did not finish") != std::string::npos);
}

TEST_CASE("bundle: paths that lead out of it are refused") {
  const Scratch scratch;
  BundleWriter writer(scratch / "out", "b");
  for (const char* path : {"../x", "/etc/x", "a/../x", "a//b", "", ".", "a b", "a/b/c/d/e/f/g/h/i", "manifest.json"}) {
    CAPTURE(path);
    CHECK_THROWS_AS(writer.add_file(path, "x"), Error);
  }
  writer.add_file("once", "1");
  CHECK(error_of([&] { writer.add_file("once", "2"); }).find("File exists") != std::string::npos);
  CHECK_THROWS_AS(BundleWriter(scratch / "out", "../b"), Error);
}

TEST_CASE("bundle: links that someone plants are not followed by the writer") {
  const Scratch scratch;
  fs::create_directory(scratch / "elsewhere");
  BundleWriter writer(scratch / "out", "b");
  fs::create_directory_symlink(scratch / "elsewhere", writer.partial_path() + "/system");
  fs::create_symlink(scratch / "elsewhere/target", writer.partial_path() + "/file");
  CHECK_THROWS_AS(writer.add_file("system/meminfo", "x"), Error);
  CHECK_THROWS_AS(writer.add_file("file", "x"), Error);
  CHECK(fs::is_empty(scratch / "elsewhere"));

  fs::create_directory_symlink(scratch / "elsewhere", scratch / "link");
  CHECK(error_of([&] { BundleWriter(scratch / "link", "b"); }).find("symbolic link") != std::string::npos);
}

TEST_CASE("bundle: a write that fails is an Error with the path") {
  // A file-size limit fails a write() in the middle as a full disk does, without needing one.
  const Scratch scratch;
  BundleWriter writer(scratch / "out", "b");
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string error = error_of([&] { writer.add_file("big", std::string(100'000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  CHECK(error == "write " + writer.partial_path() + "/big: File too large");
  CHECK(fs::exists(writer.partial_path() + "/big"));
}

TEST_CASE("bundle: the reader follows no link and waits for no fifo") {
  const Scratch scratch;
  const std::string path = write_small(scratch / "out");
  std::ofstream(scratch / "secret") << "secret";
  fs::create_symlink(scratch / "secret", path + "/link.txt");
  fs::create_directory_symlink(scratch.path, path + "/up");
  REQUIRE(::mkfifo((path + "/fifo.txt").c_str(), 0600) == 0);
  CHECK_FALSE(read_bundle_text(path, "link.txt"));
  CHECK_FALSE(read_bundle_text(path, "up/secret"));
  CHECK_FALSE(read_bundle_text(path, "../../secret"));
  CHECK_FALSE(read_bundle_text(path, "fifo.txt"));
  CHECK_FALSE(read_bundle_text(path, "system"));
  CHECK_FALSE(read_bundle_text(path, "absent"));

  fs::remove(path + "/manifest.json");
  fs::create_symlink(scratch / "secret", path + "/manifest.json");
  CHECK(error_of([&] { read_bundle(path); }).find("symbolic link, not followed") != std::string::npos);
}

TEST_CASE("bundle: damage to the trace is a problem, not an end") {
  const Scratch scratch;
  const std::string path = write_small(scratch / "out");
  SUBCASE("absent") {
    fs::remove(path + "/trace.pftrace");
    const Bundle bundle = read_bundle(path);
    REQUIRE(bundle.problems.size() == 1);
    CHECK(bundle.problems[0] == "trace.pftrace: No such file or directory");
    CHECK(bundle.manifest.host.name == "web1");
  }
  SUBCASE("changed") {
    std::ofstream(path + "/trace.pftrace", std::ios::app) << "x";
    const Bundle bundle = read_bundle(path);
    REQUIRE_FALSE(bundle.problems.empty());
    CHECK(bundle.problems[0].find("checksum") != std::string::npos);
    CHECK(bundle.timeline.samples.size() == 1);
  }
}

TEST_CASE("bundle: what is none is said to be none") {
  const Scratch scratch;
  fs::create_directory(scratch / "empty");
  std::ofstream(scratch / "file") << "x";
  CHECK(error_of([&] { read_bundle(scratch / "empty"); }).find("is not a bundle: manifest.json: No such file") !=
        std::string::npos);
  CHECK(error_of([&] { read_bundle(scratch / "file"); }).find("not a directory") != std::string::npos);
  CHECK(error_of([&] { read_bundle(scratch / "absent"); }).find("No such file or directory") != std::string::npos);
}

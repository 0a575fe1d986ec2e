#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "formats/bundle_writer.hpp"
#include "formats/error.hpp"
#include "formats/pack/bundle_path.hpp"
#include "formats/pack/new_file.hpp"
#include "formats/pack/pack.hpp"
#include "formats/pack/verify.hpp"
#include "formats/pack/zip_file.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
namespace fs = std::filesystem;

namespace {

// A directory of its own, TMPDIR of the test too, so that what an extraction leaves behind is seen.
struct Scratch {
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "fdr-pack-test-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
    fs::create_directory(path / "tmp");
    ::setenv("TMPDIR", (path / "tmp").c_str(), 1);
  }
  ~Scratch() {
    ::unsetenv("TMPDIR");
    fs::remove_all(path);
  }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::size_t extracted() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(path / "tmp"), fs::directory_iterator())); }
  fs::path path;
};

std::string write_bundle(const Scratch& scratch) {
  const incident::Made made = incident::make();
  BundleWriter writer(scratch / "bundles", "made");
  writer.add_trace(made.bundle.timeline, {"rule", from_ns(incident::kFired)});
  writer.add_modules(made.bundle.timeline.stacks);
  writer.add_file("summary.txt", "one screen\n");
  return writer.finish(made.bundle.manifest);
}

void overwrite(const std::string& path, const std::string& contents) { std::ofstream(path) << contents; }

const Check& check_named(const Verification& verification, const std::string& name) {
  for (const Check& check : verification.checks)
    if (check.name == name) return check;
  FAIL("no check " << name);
  return verification.checks.front();
}

std::string packed(const Scratch& scratch, const std::string& bundle_path) {
  const Bundle bundle = read_bundle(bundle_path);
  PackNotes notes;
  notes.case_id = "4711";
  notes.left_out = unnamed_files(bundle);
  write_pack(scratch / "case.zip", false, bundle, beside_bundle(bundle, {}, Json::object(), notes));
  return scratch / "case.zip";
}

std::string refusal(const Scratch& scratch, const std::string& member, const ZipLimits& limits = {}) {
  // Our own writer refuses bad names, so a member's name is put into the finished zip: one of the same length.
  const std::string zip = scratch / "bad.zip";
  {
    NewFile file(zip, true);
    ZipWriter writer(file.fd(), 1'700'000'000);
    writer.add(std::string(member.size(), 'a'), std::string(100'000, 'x'));
    writer.finish();
    file.publish();
  }
  std::string bytes(fs::file_size(zip), '\0');
  std::ifstream(zip).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (std::size_t at = 0; (at = bytes.find(std::string(member.size(), 'a'), at)) != std::string::npos;) bytes.replace(at, member.size(), member);
  overwrite(zip, bytes);
  const fs::path out = scratch.path / "out";
  fs::create_directory(out);
  const FileDescriptor fd(::open(out.c_str(), O_RDONLY | O_DIRECTORY));
  std::string why;
  try {
    extract_zip(zip, fd.get(), [](std::string_view) { return true; }, limits);
  } catch (const Error& error) {
    why = error.what();
  }
  fs::remove_all(out);
  return why;
}

}  // namespace

TEST_CASE("verify: a bundle as written, then with each kind of damage") {
  const Scratch scratch;
  const std::string bundle = write_bundle(scratch);
  const Verification whole = verify_bundle(bundle);
  CHECK(whole.ok());
  CHECK(whole.files == 3);
  CHECK(whole.format == 1);

  overwrite(bundle + "/summary.txt", "another screen\n");
  CHECK_FALSE(check_named(verify_bundle(bundle), "files").ok);
  overwrite(bundle + "/summary.txt", "one screen\n");
  CHECK(verify_bundle(bundle).ok());

  overwrite(bundle + "/smuggled.txt", "x");
  CHECK_FALSE(check_named(verify_bundle(bundle), "manifest").ok);
  fs::remove(bundle + "/smuggled.txt");
  fs::create_symlink("/etc/passwd", bundle + "/link");
  CHECK_FALSE(check_named(verify_bundle(bundle), "manifest").ok);
  fs::remove(bundle + "/link");

  fs::resize_file(bundle + "/trace.pftrace", fs::file_size(bundle + "/trace.pftrace") - 10);
  const Verification cut = verify_bundle(bundle);
  CHECK_FALSE(check_named(cut, "trace").ok);
  CHECK(cut.grade.word == "poor");
}

TEST_CASE("grade: a short ring, lost records and unknown roots each take from it") {
  Bundle bundle;
  bundle.manifest.rings["stacks"] = {60, 60, 1000, 1000, 0, 0, 0, 0};
  bundle.manifest.stacks = {1000, 1000, {}, 0};
  CHECK(grade_of(bundle).word == "complete");
  bundle.manifest.rings["stacks"].obtained_s = 40;
  CHECK(grade_of(bundle).word == "reduced");
  bundle.manifest.rings["stacks"].obtained_s = 20;
  CHECK(grade_of(bundle).word == "poor");
  bundle.manifest.rings["stacks"].obtained_s = 60;
  bundle.manifest.stacks.complete = 900;
  const Grade grade = grade_of(bundle);
  CHECK(grade.word == "reduced");
  REQUIRE(grade.reasons.size() == 1);
  CHECK(grade.reasons[0].find("90.0 %") != std::string::npos);
}

TEST_CASE("grade: a busy server's single calls, and a recorder that was armed a moment ago, are no loss") {
  Bundle bundle;
  bundle.manifest.rings["stacks"] = {65, 65, 1000, 1000, 0, 0, 0, 0};
  bundle.manifest.rings["syscalls"] = {65, 1.2, 9'000'000, 100'000, 8'900'000, 0, 0, 0};
  CHECK(grade_of(bundle).word == "complete");
  bundle.manifest.rings["syscalls"].dropped = 10;  // that is one
  CHECK(grade_of(bundle).word == "reduced");
  bundle.manifest.rings["syscalls"].dropped = 0;
  bundle.manifest.rings["stacks"].obtained_s = 15;
  CHECK(grade_of(bundle).word == "poor");
  bundle.manifest.window.before_s = 10;
  bundle.manifest.window.after_s = 5;
  CHECK(grade_of(bundle).word == "complete");
  bundle.manifest.rings["stacks"].obtained_s = 7;  // of the 15 there were
  const Grade grade = grade_of(bundle);
  CHECK(grade.word == "poor");
  CHECK(grade.reasons.at(0).find("7.0 s of 15.0 s") != std::string::npos);
}

TEST_CASE("pack: the zip is read as the bundle is, and nothing of it stays behind") {
  const Scratch scratch;
  const std::string bundle = write_bundle(scratch);
  overwrite(bundle + "/smuggled.txt", "not named");
  const std::string zip = packed(scratch, bundle);
  struct stat status {};
  REQUIRE(::stat(zip.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  {
    const BundlePath path(zip);
    CHECK(scratch.extracted() == 1);
    CHECK(verify_bundle(path.bundle()).ok());
    CHECK(verify_beside_bundle(path.pack()).ok);
    CHECK_FALSE(fs::exists(path.bundle() + "/smuggled.txt"));
    const Bundle read = read_bundle(path.bundle());
    const Bundle was = read_bundle(bundle);
    CHECK(read.timeline.samples == was.timeline.samples);
    CHECK(to_json(read.manifest) == to_json(was.manifest));
    overwrite(path.pack() + "/report.html", "<p>another");
    CHECK_FALSE(verify_beside_bundle(path.pack()).ok);
  }
  CHECK(scratch.extracted() == 0);
}

TEST_CASE("pack: never over a file that is there, and never half of one") {
  const Scratch scratch;
  const std::string bundle_path = write_bundle(scratch);
  const std::string zip = packed(scratch, bundle_path);
  const Bundle bundle = read_bundle(bundle_path);
  CHECK_THROWS_AS(write_pack(zip, false, bundle, {}), Error);
  fs::create_symlink(scratch / "elsewhere", scratch / "link.zip");
  CHECK_THROWS_AS(write_pack(scratch / "link.zip", true, bundle, {}), Error);
  CHECK_FALSE(fs::exists(scratch / "elsewhere"));
  fs::remove(bundle_path + "/summary.txt");
  CHECK_THROWS_AS(write_pack(scratch / "half.zip", false, bundle, {}), Error);
  for (const auto& entry : fs::directory_iterator(scratch.path)) CHECK(entry.path().filename().string().find("half") == std::string::npos);
}

TEST_CASE("a zip that leads out, repeats itself or grows without end is refused") {
  const Scratch scratch;
  for (const std::string member : {"../x", "/etc/x", "a/../../x", "x\x1b[2J"}) {
    CAPTURE(member);
    const std::string why = refusal(scratch, member);
    CHECK(why.find("is not a member of a pack") != std::string::npos);
    CHECK(why.find('\x1b') == std::string::npos);
  }
  CHECK(refusal(scratch, "abc").empty());
  CHECK(refusal(scratch, "abc", {10, 99'999, 1u << 30, 200, 1u << 30}).find("too large") != std::string::npos);
  CHECK(refusal(scratch, "abc", {10, 1u << 30, 1u << 30, 2, 100}).find("too large") != std::string::npos);
  CHECK(refusal(scratch, "abc", {0, 1u << 30, 1u << 30, 200, 1u << 30}).find("more than 0 members") != std::string::npos);
  overwrite(scratch / "text.zip", "no zip at all");
  CHECK_THROWS_WITH_AS(BundlePath(scratch / "text.zip"), doctest::Contains("is not a zip that fdr pack wrote"), Error);
  CHECK(scratch.extracted() == 0);
}

TEST_CASE("signature: functions are called the same on every build") {
  CHECK(normal_function("ns::f<int, std::vector<char> >(char const*) [clone .isra.0]") == "ns::f");
  CHECK(normal_function("parse.constprop.0") == "parse");
  CHECK(normal_function("libx.so.1+0x1234") == "libx.so.1");
  CHECK(normal_function("redis-server!fn@64d70") == "redis-server");
  CHECK(normal_function("core::str::find::h0123456789abcdef") == "core::str::find");
  CHECK(normal_function("ext4_readdir [ext4]") == "ext4_readdir");
  CHECK(normal_function("A::operator<(A const&) const") == "A::operator<");
  CHECK(normal_function("main.(*conn).serve") == "main.conn.serve");
  CHECK(normal_function("(anonymous namespace)::burn(int)") == "burn");
  CHECK(normal_function("ns::(anonymous namespace)::A::run(std::function<void ()>) const") == "ns::A::run");

  const incident::Made made = incident::make();
  const Signature signature = signature_of(made.bundle, made.names);
  CHECK_FALSE(signature.stack.empty());
  incident::Made later = incident::make();  // the same fault on another host
  later.bundle.manifest.host.name = "web2";
  CHECK(signature_of(later.bundle, later.names).id() == signature.id());
}

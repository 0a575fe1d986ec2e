#include "unwind/live/jit_frames.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "formats/modules.hpp"

using namespace fdr;

namespace {

// The perf map of a process, as the process itself would name it; gone afterwards.
class MapFile {
 public:
  explicit MapFile(std::int32_t pid) : path_("/tmp/perf-" + std::to_string(pid) + ".map") { std::filesystem::remove(path_); }
  ~MapFile() { std::filesystem::remove(path_); }
  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

StackTable one_frame(std::int32_t pid, const char* what = "anon") {
  StackTable stacks;
  stacks.intern_frame(stacks.intern_module(anonymous_module(what, pid)), 0x1010);
  return stacks;
}

std::int32_t pid_of_ended() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

// What pid namespaces the test runs in is not for it to choose.
bool in_root_namespace() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("NSpid:")) return line == "NSpid:\t" + std::to_string(::getpid());
  return true;
}

}  // namespace

TEST_CASE("JIT frames are named from the process's own file") {
  if (!in_root_namespace()) return;
  const MapFile map(::getpid());
  map.write("1000 100 JS:*hot /srv/t.js:1:2\n");
  StackTable stacks = one_frame(::getpid());
  const auto other = stacks.intern_module(anonymous_module("anon", 1));
  stacks.intern_frame(other, 0x1010);
  stacks.intern_frame(stacks.intern_module({ModuleKind::kFile, "/x", ""}), 0x1010);
  stacks.intern_frame(stacks.intern_module(anonymous_module("unmapped", ::getpid())), 0x1020);
  stacks.intern_frame(0, 0x1030, "named before");
  CHECK(name_jit_frames(stacks, {}).empty());
  CHECK(stacks.frames()[0].name == "JS:*hot /srv/t.js:1:2");
  CHECK(stacks.frames()[1].name.empty());  // the same address in another process
  CHECK(stacks.frames()[2].name.empty());
  CHECK(stacks.frames()[3].name == "JS:*hot /srv/t.js:1:2");
  CHECK(stacks.frames()[4].name == "named before");
}

TEST_CASE("a perf map that cannot be trusted is said and not used") {
  if (!in_root_namespace()) return;
  const MapFile map(::getpid());
  const std::string target = map.path() + ".real";
  std::ofstream(target) << "1000 100 lie\n";
  SUBCASE("a symbolic link") { std::filesystem::create_symlink(target, map.path()); }
  SUBCASE("a second name") { std::filesystem::create_hard_link(target, map.path()); }
  SUBCASE("a FIFO, which must not hang us") { REQUIRE(::mkfifo(map.path().c_str(), 0600) == 0); }
  SUBCASE("a directory") { std::filesystem::create_directory(map.path()); }
  SUBCASE("of another user") {
    map.write("1000 100 lie\n");
    if (::chown(map.path().c_str(), 12345, 12345) != 0) std::filesystem::remove(map.path()), std::filesystem::create_symlink(target, map.path());
  }
  StackTable stacks = one_frame(::getpid());
  const auto problems = name_jit_frames(stacks, {});
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].find(std::to_string(::getpid())) != std::string::npos);
  CHECK(stacks.frames()[0].name.empty());
  std::filesystem::remove(target);
}

TEST_CASE("no perf map is no problem") {
  StackTable stacks = one_frame(::getpid());
  const MapFile map(::getpid());
  CHECK(name_jit_frames(stacks, {}).empty());
  const std::int32_t gone = pid_of_ended();
  StackTable of_gone = one_frame(gone);
  CHECK(name_jit_frames(of_gone, {gone}).empty());
  CHECK(name_jit_frames(of_gone, {}).empty());
}

TEST_CASE("the map of a process that has ended is still there") {
  const std::int32_t gone = pid_of_ended();
  const MapFile map(gone);
  map.write("1000 100 crashed_here\n");
  StackTable stacks = one_frame(gone);
  CHECK(name_jit_frames(stacks, {gone}).empty());
  CHECK(stacks.frames()[0].name == "crashed_here");
}

TEST_CASE("of a map that is too long, the end is read") {
  const std::int32_t gone = pid_of_ended();
  const MapFile map(gone);
  {
    std::ofstream file(map.path(), std::ios::binary);
    file << "1000 100 old\n" << std::string(34u << 20, '#') << "\n1010 1 new\n";
  }
  StackTable stacks = one_frame(gone);
  stacks.intern_frame(0, 0x1020);
  const auto problems = name_jit_frames(stacks, {gone});
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].find("only its last 32 MB") != std::string::npos);
  CHECK(stacks.frames()[0].name == "new");
  CHECK(stacks.frames()[1].name.empty());
}

// Real commands, of a shell that every Linux has; what they wait for is an end that fdr itself brings about.
#include "recorder/watched/collector.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "recorder/system/bounded_command.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using fdr::test::TestDirectory;
using namespace std::chrono_literals;

namespace {

CommandResult shell(const std::string& script, CommandBounds bounds = {.timeout = 60s, .max_bytes = 4096, .cancel = -1}) {
  return run_bounded({"sh", "-c", script}, bounds);
}

Collected read(const std::string& path, std::uint64_t max_bytes = 4096) {
  CollectorConfig collector;
  collector.name = "x";
  collector.file = path;
  collector.max_bytes = max_bytes;
  return collect(collector, "fired", -1);
}

}  // namespace

TEST_CASE("a bounded command: what it says on both, its exit code, its environment") {
  const CommandResult result = shell("echo out; echo err >&2; pwd; exit 7");
  CHECK(result.output == "out\nerr\n/\n");
  REQUIRE(result.wait_status);
  CHECK(WEXITSTATUS(*result.wait_status) == 7);
  CHECK_FALSE(result.well());
  ::setenv("FDR_SECRET", "x", 1);
  CHECK(run_bounded({"env"}, {}).output ==
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C.UTF-8\n");
  ::unsetenv("FDR_SECRET");
  CHECK(run_bounded({"cat"}, {}).well());  // its input is at its end
  CHECK(run_bounded({"ls", "/proc/self/fd"}, {}).output == "0\n1\n2\n3\n");
}

TEST_CASE("a bounded command: no shell, no such program") {
  CHECK(run_bounded({"echo", "$HOME; ls"}, {}).output == "$HOME; ls\n");
  const CommandResult result = run_bounded({"no-such-program"}, {});
  CHECK(result.error == "cannot run 'no-such-program': not found in PATH");
  CHECK_FALSE(result.wait_status);
}

TEST_CASE("a bounded command: its whole group ends at the deadline, deaf to SIGTERM or not") {
  const CommandResult plain = shell("echo before; sleep 600 & sleep 600", {.timeout = 50ms, .max_bytes = 4096, .cancel = -1});
  CHECK(plain.timed_out);
  CHECK(plain.output == "before\n");
  REQUIRE(plain.wait_status);
  CHECK(WTERMSIG(*plain.wait_status) == SIGTERM);
  const CommandResult deaf = shell("trap '' TERM; sleep 600; sleep 600", {.timeout = 50ms, .max_bytes = 4096, .cancel = -1});
  CHECK(deaf.timed_out);
  REQUIRE(deaf.wait_status);
  CHECK(WTERMSIG(*deaf.wait_status) == SIGKILL);
}

TEST_CASE("a bounded command: nothing of its group is left behind") {
  const CommandResult result = shell("sleep 600 & echo $!");
  CHECK(result.well());
  const int left = std::stoi(result.output);
  // Killed; a zombie until its new parent looks.
  bool gone = false;
  for (int i = 0; i < 1'000'000 && !gone; ++i) {
    std::ifstream stat("/proc/" + std::to_string(left) + "/stat");
    std::string pid, name, state;
    gone = !(stat >> pid >> name >> state) || state == "Z" || state == "X";
  }
  CHECK(gone);
}

TEST_CASE("a bounded command: endless output is cut, and ended") {
  const CommandResult result = shell("yes", {.timeout = 60s, .max_bytes = 1000, .cancel = -1});
  CHECK(result.cut);
  CHECK(result.output.size() == 1000);
  CHECK_FALSE(result.timed_out);
  const CommandResult exact = shell("printf 1234567890", {.timeout = 60s, .max_bytes = 10, .cancel = -1});
  CHECK_FALSE(exact.cut);
  CHECK(exact.output == "1234567890");
}

TEST_CASE("a collected file: the end of a long one, no links, nothing but regular files") {
  const TestDirectory directory;
  const std::string log = directory.file("log", "0123456789");
  CHECK(read(log).text == "0123456789");
  CHECK(read(log).note.empty());
  CHECK(read(log, 4).text == "6789");
  CHECK(read(log, 4).note == "cut: its first 6 bytes are left out");
  CHECK(read("/proc/self/status", 1 << 20).text.starts_with("Name:"));  // says that its size is 0
  CHECK(read("/proc/self/status", 4).note == "cut at 4B");
  REQUIRE(::symlink(log.c_str(), directory.path("link").c_str()) == 0);
  CHECK(read(directory.path("link")).note.ends_with("a link, which is not followed"));
  REQUIRE(::mkfifo(directory.path("fifo").c_str(), 0600) == 0);
  CHECK(read(directory.path("fifo")).note.ends_with("no regular file"));
  CHECK(read("/dev/zero").note == "/dev/zero is no regular file");
  CHECK(read(directory.path("none")).note.ends_with("No such file or directory"));
}

TEST_CASE("collectors: those of the arming, of each hour and of the firing, each in its file") {
  const TestDirectory directory;
  const std::string path = directory.file("state", "well");
  CollectorConfig state;
  state.name = "state";
  state.file = path;
  state.armed = state.hourly = true;
  CollectorConfig failing;
  failing.name = "failing";
  failing.command = {"sh", "-c", "echo half; exit 3"};
  Collectors collectors({state, failing});
  const Timestamp start = MonotonicClock::now();
  const auto settle = [&](Timestamp now) {
    do {
      collectors.advance(now);
      ::sched_yield();
    } while (collectors.busy());
  };
  settle(start);
  directory.file("state", "an hour later");
  settle(start + 59min);
  CHECK(collectors.begin(start).before.size() == 1);
  settle(start + 61min);
  directory.file("state", "ill");

  TextFiles files;
  std::vector<std::string> losses;
  add_collected(collectors.begin(start), files, losses);
  CHECK(files.at("collect/state.armed.txt") == "well");
  CHECK(files.at("collect/state.hourly.txt") == "an hour later");
  CHECK(files.at("collect/state.txt") == "ill");
  CHECK(files.at("collect/failing.txt") == "half\n");
  CHECK(files.size() == 5);
  CHECK(files.at("collect/runs.ndjson").find(R"("exit_code":3)") != std::string::npos);
  CHECK(losses == std::vector<std::string>{"collector failing (fired): exit code 3; what it had said is kept"});
}

// Real commands; what is waited for is their end, which fdr itself brings about at the latest.
#include "recorder/watched/notifier.hpp"
#include "tests/unit/recorder/test_directory.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <sstream>

using namespace fdr;
using fdr::test::TestDirectory;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> failures_of(Notifier& notifier) {
  std::vector<std::string> all;
  for (int i = 0; i < 6000 && notifier.busy(); ++i) {
    ::usleep(10'000);
    for (std::string& failure : notifier.advance()) all.push_back(std::move(failure));
  }
  return all;
}

}  // namespace

TEST_CASE("a notification gets the first screen, the bundle, the rule and the reason, and nothing else") {
  const TestDirectory directory;
  ::setenv("FDR_TEST_SECRET", "hidden", 1);
  NotifyConfig config{.name = "n", .command = {"sh", "-c", "cat > " + directory.path("said") + "; env > " + directory.path("env")}, .timeout = 60s};
  Notifier notifier({config});
  CHECK_FALSE(notifier.busy());
  const std::string reason = "value \x1b[1m" + std::string(5000, 'x');
  notifier.tell({.bundle = directory.root(), .rule = "cpu", .reason = reason, .screen = "FIRED rule\nwhy\n"});
  CHECK(notifier.busy());
  CHECK(failures_of(notifier).empty());
  CHECK(directory.read("said") == "FIRED rule\nwhy\n");
  const std::string environment = directory.read("env");
  CHECK(environment.find("FDR_BUNDLE=" + directory.root() + "\n") != std::string::npos);
  CHECK(environment.find("FDR_RULE=cpu\n") != std::string::npos);
  CHECK(environment.find("FDR_REASON=value \\x1b[1mxxx") != std::string::npos);
  CHECK(environment.find("FDR_TEST_SECRET") == std::string::npos);
  CHECK(environment.size() < 1500);
  CHECK(notifier.status()[0].told == 1);
  CHECK(notifier.status()[0].failed == 0);
}

TEST_CASE("a notification that fails or hangs is told, and ended at its timeout") {
  NotifyConfig fails{.name = "fails", .command = {"sh", "-c", "exit 7"}, .timeout = 60s};
  NotifyConfig hangs{.name = "hangs", .command = {"sleep", "1234.5"}, .timeout = 100ms};
  Notifier notifier({fails, hangs});
  notifier.tell({.bundle = "/no/such/bundle", .rule = "rule", .reason = "reason", .screen = ""});
  const std::vector<std::string> failures = failures_of(notifier);
  REQUIRE(failures.size() == 2);
  CHECK(failures[0].find("notify fails: exit code 7") == 0);
  CHECK(failures[1].find("notify hangs: ended by fdr after its timeout of 100ms") == 0);
  CHECK(notifier.status()[0].failed == 1);
  CHECK_FALSE(notifier.busy());
}

TEST_CASE("without a command nobody is told") {
  Notifier notifier({});
  notifier.tell({.bundle = "/no/such/bundle", .rule = "rule", .reason = "reason", .screen = ""});
  CHECK_FALSE(notifier.busy());
}

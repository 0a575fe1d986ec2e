#include "recorder/config_file/config_file.hpp"
#include "recorder/config_file/config_reload.hpp"

#include <doctest/doctest.h>

#include "formats/error.hpp"

using namespace fdr;
using namespace std::chrono_literals;

namespace {

const char* const kRunning = "window = { after = \"5s\" }\n[[trigger]]\nname = \"x\"\nwhen = \"host.cpu.busy > 90%\"\nafter = \"10s\"\n";

Config parsed(const std::string& text) { return parse_config(text, "fdr.toml"); }

}  // namespace

TEST_CASE("reload: rules and what is said of bundles change, the rest stays and is told") {
  Config running = parsed(kRunning);
  const Config next = parsed(
      "window = { after = \"3s\", span = \"90s\" }\nsample = { frequency = 49 }\nbundle = { keep = 3, directory = \"/srv/x\" }\n"
      "[[target]]\nname = \"web\"\nmatch = { comm = \"web\" }\n"
      "[[trigger]]\nname = \"y\"\nwhen = \"host.cpu.busy > 80%\"\nmax_per_day = 2\n");
  const auto left = take_over(running, next, 10s);
  CHECK(running.rules.size() == 1);
  CHECK(running.rules[0].name == "y");
  CHECK(running.after == 3s);
  CHECK(running.keep == 3);
  CHECK(running.directory == "/srv/x");
  CHECK(running.span == 60s);
  CHECK(running.frequency == 99);
  CHECK(running.targets.empty());
  CHECK(left == std::vector<std::string>{"window: span = \"90s\"", "sample: frequency = 49", "target: name = \"web\"",
                                         "target: match = { comm = \"web\" }"});
}

TEST_CASE("reload: the same again changes nothing; a target taken away is told") {
  Config running = parsed(kRunning);
  CHECK(take_over(running, parsed(kRunning), 10s).empty());
  Config with = parsed(std::string("[[target]]\nname = \"web\"\nmatch = { comm = \"web\" }\n"));
  CHECK(take_over(with, parsed(""), 5s) == std::vector<std::string>{"without target: match = { comm = \"web\" }"});
}

TEST_CASE("reload: no more seconds after a firing than there is room for") {
  Config running = parsed(kRunning);
  CHECK_THROWS_AS(take_over(running, parsed("window = { after = \"11s\" }"), 10s), Error);
  CHECK(running.after == 5s);
  CHECK(running.rules.size() == 1);
}

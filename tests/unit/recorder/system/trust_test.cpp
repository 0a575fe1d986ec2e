#include "recorder/system/trust.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/error.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using namespace fdr::test;

TEST_CASE("trust: what others may write is not believed, nor what lies where they may; a sticky directory is no way in") {
  const TestDirectory directory;  // below /tmp, which is sticky
  const std::string path = directory.file("config", "x");
  ::chmod(path.c_str(), 0644);
  CHECK(why_not_trusted(path).empty());
  CHECK(why_not_trusted(directory.path("not there")).empty());
  ::chmod(path.c_str(), 0646);
  CHECK(why_not_trusted(path) == path + " may be written by anybody");
  ::chmod(path.c_str(), 0644);
  const std::string below = directory.path("below");
  ::mkdir(below.c_str(), 0755);
  const std::string inside = directory.file("below/config", "x");
  ::chmod(inside.c_str(), 0644);
  CHECK(why_not_trusted(inside).empty());
  ::chmod(below.c_str(), 0777);
  CHECK(why_not_trusted(inside) == below + " may be written by anybody");
  // The file that is meant, not the link's name.
  REQUIRE(::symlink(inside.c_str(), directory.path("link").c_str()) == 0);
  CHECK(why_not_trusted(directory.path("link")) == below + " may be written by anybody");
  ::chmod(below.c_str(), 01777);
  CHECK(why_not_trusted(inside).empty());
}

TEST_CASE("trust: a configuration and what it names") {
  const TestDirectory directory;
  const std::string file = directory.file("config", "x"), hook = directory.file("hook", "#!/bin/sh\n");
  ::chmod(file.c_str(), 0644);
  ::chmod(hook.c_str(), 0755);
  Config config;
  config.collectors.emplace_back().command = {hook};
  config.notifiers.emplace_back().command = {"/nonexistent/program"};
  require_trusted(config, file);
  require_trusted(config, "");
  ::chmod(hook.c_str(), 0757);
  CHECK_THROWS_WITH_AS(require_trusted(config, file), doctest::Contains("hook may be written by anybody"), Error);
  ::chmod(hook.c_str(), 0755);
  ::chmod(file.c_str(), 0666);
  CHECK_THROWS_WITH_AS(require_trusted(config, file), doctest::Contains("config may be written by anybody"), Error);
}

#include "recorder/metrics/proc_file.hpp"

#include <doctest/doctest.h>

using namespace fdr;

TEST_CASE("proc file: a file of many records is read to its end, which is more than a page") {
  ProcFile maps("/proc/self/maps");
  std::string buffer;
  const std::string first(maps.read(buffer).value_or(""));
  const std::string whole(maps.read(buffer, ProcFile::Reads::kToTheEnd).value_or(""));
  REQUIRE(whole.size() > 4096);
  CHECK(first.size() <= 4096);
  CHECK(whole.starts_with(first));
  CHECK(whole.find("[stack]") != std::string::npos);
}

TEST_CASE("proc file: what is not there says why") {
  ProcFile none("/proc/self/there_is_none");
  std::string buffer;
  CHECK_FALSE(none.is_open());
  CHECK(none.error() == ENOENT);
  CHECK_FALSE(none.read(buffer));
}

#include "recorder/system/cpu_list.hpp"

#include <doctest/doctest.h>

using namespace fdr;

TEST_CASE("cpu_list: single CPUs and ranges, in order") {
  CHECK(parse_cpu_list("0") == std::vector<int>{0});
  CHECK(parse_cpu_list("0-3,8\n") == std::vector<int>{0, 1, 2, 3, 8});
  CHECK(parse_cpu_list("2-2,5,7-8") == std::vector<int>{2, 5, 7, 8});
}

TEST_CASE("cpu_list: anything malformed is no list") {
  for (const char* text :
       {"", "\n", "a", "-1", "3-1", "0-", "0,,1", "0 1", "1-2-3", "0-99999999", "99999999999", "0;1"}) {
    CAPTURE(text);
    CHECK(parse_cpu_list(text).empty());
  }
}

TEST_CASE("cpu_list: this machine runs on a CPU, and none is online that is not possible") {
  CHECK(!online_cpus().empty());
  CHECK(online_cpus().size() <= possible_cpus().size());
}

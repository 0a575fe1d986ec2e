#include "recorder/sources/refused_processes.hpp"

#include <doctest/doctest.h>

using namespace fdr;

TEST_CASE("refused processes: each is news once, and of very many none") {
  RefusedProcesses refused;
  CHECK(refused.note().empty());
  CHECK(refused.add({7, 100}));
  CHECK_FALSE(refused.add({7, 100}));
  CHECK(refused.add({7, 200}));  // another one of that number
  for (std::size_t i = 2; i < RefusedProcesses::kMost; ++i) CHECK(refused.add({1000 + static_cast<std::int32_t>(i), 1}));
  CHECK_FALSE(refused.add({8, 1}));
  CHECK(refused.note() == "process 7, and maybe others, are not ours to record");
}

#include "recorder/pretend.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

using fdr::pretended_missing;

TEST_CASE("only what is listed, as a whole, is pretended to be missing") {
  ::unsetenv("FDR_PRETEND_MISSING");
  CHECK_FALSE(pretended_missing("btf"));
  ::setenv("FDR_PRETEND_MISSING", "btf,program:on_clock,,psi", 1);
  CHECK(pretended_missing("btf"));
  CHECK(pretended_missing("program:on_clock"));
  CHECK(pretended_missing("psi"));
  CHECK_FALSE(pretended_missing("program"));
  CHECK_FALSE(pretended_missing("on_clock"));
  CHECK_FALSE(pretended_missing("bpf"));
  ::unsetenv("FDR_PRETEND_MISSING");
}

#include "recorder/system/pretend.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

using fdr::pretended_missing, fdr::unless_missing;

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
  CHECK(unless_missing("cgroups", "/proc/self/mountinfo") == "/proc/self/mountinfo");
  CHECK_FALSE(std::filesystem::exists(unless_missing("psi", "/proc/self/mountinfo")));
  ::unsetenv("FDR_PRETEND_MISSING");
}

#include "formats/temporary.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fdr;

TEST_CASE("temporary: TMPDIR where it is a path from the root, else /tmp") {
  const char* before = ::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  ::setenv("TMPDIR", "/somewhere/else", 1);
  CHECK(temporary_place() == "/somewhere/else");
  ::setenv("TMPDIR", "relative", 1);
  CHECK(temporary_place() == "/tmp");
  ::unsetenv("TMPDIR");
  CHECK(temporary_place() == "/tmp");
  if (before) ::setenv("TMPDIR", kept.c_str(), 1);
}

TEST_CASE("temporary: a file of no name holds what is written, is closed by exec, and nowhere in the file system") {
  const FileDescriptor file = nameless_file("fdr-test");
  REQUIRE(file.valid());
  REQUIRE(::write(file.get(), "abc", 3) == 3);
  char back[4] = {};
  CHECK(::pread(file.get(), back, 3, 0) == 3);
  CHECK(std::string(back) == "abc");
  struct stat status {};
  REQUIRE(::fstat(file.get(), &status) == 0);
  CHECK(S_ISREG(status.st_mode));
  CHECK(status.st_nlink == 0);
}

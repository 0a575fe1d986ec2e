#include "unwind/plain_file.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

using namespace fdr;

TEST_CASE("plain files: a regular one or none; a FIFO, a link and a directory are not to be opened") {
  char pattern[] = "/tmp/fdr-plain-XXXXXX";
  const std::string directory = ::mkdtemp(pattern);
  std::ofstream(directory + "/file") << "x";
  REQUIRE(::mkfifo((directory + "/fifo").c_str(), 0600) == 0);
  std::filesystem::create_symlink("file", directory + "/link");
  CHECK(is_plain_or_absent(directory + "/file"));
  CHECK(is_plain_or_absent(directory + "/nothing"));
  CHECK_FALSE(is_plain_or_absent(directory + "/fifo"));
  CHECK_FALSE(is_plain_or_absent(directory + "/link"));
  CHECK_FALSE(is_plain_or_absent(directory));
  std::filesystem::remove_all(directory);
}

TEST_CASE("plain files: paths as DWARF puts them together") {
  CHECK(path_from("/bin", "", "x.dwo") == "/bin/x.dwo");
  CHECK(path_from("/bin", "/src", "x.dwo") == "/src/x.dwo");
  CHECK(path_from("/bin", "out", "x.dwo") == "/bin/out/x.dwo");
  CHECK(path_from("/bin", "/src", "/else/x.dwo") == "/else/x.dwo");
  CHECK(path_from("", "", "x.dwo") == "x.dwo");
}

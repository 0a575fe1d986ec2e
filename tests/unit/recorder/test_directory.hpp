// A directory of a test's own, gone with it.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>
#include <string>

namespace fdr::test {

class TestDirectory {
 public:
  TestDirectory() { REQUIRE(::mkdtemp(path_)); }
  TestDirectory(const TestDirectory&) = delete;
  ~TestDirectory() { [[maybe_unused]] const int ignored = ::system(("rm -rf " + root()).c_str()); }

  std::string root() const { return path_; }
  std::string path(const std::string& name) const { return root() + "/" + name; }
  // The path of a file with this text.
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  void append(const std::string& name, const std::string& text) const { std::ofstream(path(name), std::ios::app) << text; }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }

 private:
  char path_[32] = "/tmp/fdr-test-XXXXXX";
};

}  // namespace fdr::test

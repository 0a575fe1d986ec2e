#include "recorder/targets/held_files.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace fdr;

namespace {

struct Scratch {
  std::filesystem::path path;
  Scratch() {
    char pattern[] = "/tmp/fdr-held-XXXXXX";
    path = ::mkdtemp(pattern);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
    return path / name;
  }
};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Module module_at(const std::string& path) { return {ModuleKind::kFile, path, ""}; }

}  // namespace

TEST_CASE("held files: what was unlinked and replaced can still be read") {
  const Scratch scratch;
  const std::string path = scratch.file("program", "the one that ran");
  HeldFiles held;
  const HeldFiles::File file = held.hold(module_at(path), "/nonexistent/program", ::getpid());
  REQUIRE(file);
  std::filesystem::remove(path);
  scratch.file("program", "another one");
  CHECK(text_of(HeldFiles::path(file)) == "the one that ran");
  CHECK(held.hold(module_at(path), path, ::getpid()) == file);  // once
  CHECK_FALSE(held.hold(module_at("/nonexistent/other"), "/nonexistent/other", ::getpid()));
  CHECK(held.files().size() == 1);
}

TEST_CASE("held files: a fifo is not waited for, and what nobody uses goes; a copy keeps what it has") {
  const Scratch scratch;
  const std::string fifo = scratch.path / "fifo", path = scratch.file("program", "x");
  ::mkfifo(fifo.c_str(), 0600);
  HeldFiles held;
  CHECK(held.hold(module_at(fifo), fifo, ::getpid()));
  CHECK(held.hold(module_at(path), path, ::getpid()));
  const HeldFiles copy = held;
  held.keep_only({module_at(path)});
  CHECK(held.files().size() == 1);
  CHECK(held.files().contains(module_at(path)));
  CHECK(copy.files().size() == 2);
  CHECK(text_of(HeldFiles::path(copy.files().at(module_at(path)))) == "x");
}

TEST_CASE("held files: bounded") {
  const Scratch scratch;
  const std::string path = scratch.file("program", "x");
  HeldFiles held;
  for (std::size_t i = 0; i < HeldFiles::kMost; ++i) CHECK(held.hold(module_at("/" + std::to_string(i)), path, ::getpid()));
  CHECK_FALSE(held.hold(module_at("/one more"), path, ::getpid()));
  held.keep_only({});
  CHECK(held.hold(module_at("/one more"), path, ::getpid()));
}

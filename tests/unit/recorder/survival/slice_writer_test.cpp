#include "recorder/survival/slice_writer.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "recorder/saved/saved_window.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

template <class Predicate>
bool comes_true(const Predicate& predicate) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("slice writer: a journal, the one before it, and files that are replaced; private") {
  const TestDirectory scratch;
  const std::string directory = scratch.path("bundles/slices/name");
  SliceWriter writer(directory, 0);
  CHECK(writer.broken());  // there is no journal yet
  writer.append("lost");
  writer.begin_journal("one ");
  writer.append("two ");
  CHECK(comes_true([&] { return scratch.read("bundles/slices/name/journal") == "one two "; }));
  CHECK_FALSE(writer.broken());
  writer.begin_journal("three");
  writer.replace(kFactsFile, 1, "facts");
  CHECK(comes_true([&] { return read_state(directory + "/" + kFactsFile, 1, 100) == "facts"; }));
  CHECK(scratch.read("bundles/slices/name/journal.old") == "one two ");
  CHECK(scratch.read("bundles/slices/name/journal") == "three");
  CHECK(writer.problem().empty());
  struct stat status {};
  REQUIRE(::stat(directory.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  REQUIRE(::stat((directory + "/journal").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(comes_true([&] { return writer.written_bytes() == 8 + 5 + 5 + 4; }));
}

TEST_CASE("slice writer: what cannot be written is told, and the journal begins anew") {
  const TestDirectory scratch;
  scratch.file("blocked", "a file");
  SliceWriter nowhere(scratch.path("blocked/slices/name"), 0);
  nowhere.begin_journal("x");
  CHECK(comes_true([&] { return !nowhere.problem().empty(); }));
  CHECK(nowhere.broken());

  REQUIRE(::mkdir(scratch.path("full").c_str(), 0700) == 0);
  SliceWriter full(scratch.path("full/slices/name"), 100);  // nothing may be used
  full.begin_journal("x");
  CHECK(comes_true([&] { return full.problem().find("is free") != std::string::npos; }));

  REQUIRE(::mkdir(scratch.path("linked").c_str(), 0700) == 0);
  REQUIRE(::mkdir(scratch.path("elsewhere").c_str(), 0700) == 0);
  REQUIRE(::symlink(scratch.path("elsewhere").c_str(), scratch.path("linked/name").c_str()) == 0);
  SliceWriter linked(scratch.path("linked/name"), 0);
  linked.begin_journal("x");
  CHECK(comes_true([&] { return !linked.problem().empty(); }));
  CHECK(::access(scratch.path("elsewhere/journal").c_str(), F_OK) != 0);
}

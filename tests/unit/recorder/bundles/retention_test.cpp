#include "recorder/bundles/retention.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>

#include "formats/bundle_writer.hpp"
#include "formats/manifest.hpp"

using namespace fdr;
namespace fs = std::filesystem;

namespace {

class Incidents {
 public:
  Incidents() {
    std::string pattern = (fs::temp_directory_path() / "fdr-keep-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  Incidents(const Incidents&) = delete;
  ~Incidents() { fs::remove_all(path_); }

  fs::path path() const { return path_; }
  // A bundle of `bytes` bytes, `age` minutes old.
  fs::path bundle(const std::string& name, int age, std::size_t bytes = 1000) const {
    const fs::path directory = path_ / name;
    fs::create_directories(directory / "modules");
    std::ofstream(directory / "manifest.json") << "{}";
    std::ofstream(directory / "modules" / "data") << std::string(bytes - 2, 'x');
    fs::last_write_time(directory, fs::file_time_type::clock::now() - std::chrono::minutes(age));
    return directory;
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(path_)) found.insert(entry.path().filename());
    return found;
  }

 private:
  fs::path path_;
};

constexpr std::uint64_t kNoLimit = UINT64_MAX;

}  // namespace

TEST_CASE("retention: the newest stay, by number") {
  const Incidents incidents;
  for (int age = 1; age <= 5; ++age) incidents.bundle("b" + std::to_string(age) + ".fdr", age);
  keep_newest(incidents.path(), 3, kNoLimit);
  CHECK(incidents.names() == std::set<std::string>{"b1.fdr", "b2.fdr", "b3.fdr"});
}

TEST_CASE("retention: the newest stay, by size, files in folders counted") {
  const Incidents incidents;
  for (int age = 1; age <= 5; ++age) incidents.bundle("b" + std::to_string(age) + ".fdr", age, 1000);
  keep_newest(incidents.path(), 100, 2500);
  CHECK(incidents.names() == std::set<std::string>{"b1.fdr", "b2.fdr"});
}

TEST_CASE("retention: the newest is never removed, whatever the limits") {
  const Incidents incidents;
  incidents.bundle("old.fdr", 2);
  incidents.bundle("new.fdr", 1, 5000);
  keep_newest(incidents.path(), 0, 10);
  CHECK(incidents.names() == std::set<std::string>{"new.fdr"});
}

TEST_CASE("retention: what was just written is the newest though the clock was set back, and stays newer than what it followed") {
  const Incidents incidents;
  for (int age = 1; age <= 3; ++age) incidents.bundle("before" + std::to_string(age) + ".fdr", age - 60);
  keep_newest(incidents.path(), 2, kNoLimit, incidents.bundle("first.fdr", 1));
  CHECK(incidents.names() == std::set<std::string>{"before1.fdr", "first.fdr"});
  keep_newest(incidents.path(), 2, kNoLimit, incidents.bundle("second.fdr", 0));
  CHECK(incidents.names() == std::set<std::string>{"first.fdr", "second.fdr"});
}

TEST_CASE("retention: the first bundle of an episode goes after the others of it, and the newest never") {
  const Incidents incidents;
  const auto of_episode = [&](const std::string& name, int age, const char* id, const char* stage) {
    const fs::path path = incidents.bundle(name, age);
    Manifest manifest;
    manifest.episode.id = id;
    manifest.episode.stage = stage;
    std::ofstream(path / "manifest.json") << to_json(manifest);
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::minutes(age));
  };
  of_episode("a-onset.fdr", 60, "a", "onset");
  incidents.bundle("other.fdr", 30);
  of_episode("a-end.fdr", 10, "a", "end");
  of_episode("b-onset.fdr", 8, "b", "whole");
  of_episode("b-end.fdr", 5, "b", "end");
  keep_newest(incidents.path(), 3, kNoLimit);
  CHECK(incidents.names() == std::set<std::string>{"a-onset.fdr", "b-onset.fdr", "b-end.fdr"});
  keep_newest(incidents.path(), 1, kNoLimit);
  CHECK(incidents.names() == std::set<std::string>{"b-onset.fdr", "b-end.fdr"});
}

TEST_CASE("retention: what is not ours is left alone and not counted") {
  const Incidents incidents;
  incidents.bundle("new.fdr", 1);
  incidents.bundle("old.fdr", 9);
  incidents.bundle("notes", 5);  // a manifest, but not our name
  fs::create_directories(incidents.path() / "empty.fdr");
  std::ofstream(incidents.path() / "file.fdr") << "text";
  keep_newest(incidents.path(), 1, kNoLimit);
  CHECK(incidents.names() == std::set<std::string>{"new.fdr", "notes", "empty.fdr", "file.fdr"});
}

TEST_CASE("retention: links are neither followed nor removed") {
  const Incidents incidents, elsewhere;
  const fs::path precious = elsewhere.bundle("precious.fdr", 50);
  incidents.bundle("new.fdr", 1);
  const fs::path inside = incidents.bundle("old.fdr", 9);
  fs::create_directory_symlink(precious, incidents.path() / "link.fdr");
  fs::create_directory_symlink(precious, inside / "modules" / "link");
  fs::last_write_time(inside, fs::file_time_type::clock::now() - std::chrono::minutes(9));
  keep_newest(incidents.path(), 1, kNoLimit);
  CHECK(incidents.names() == std::set<std::string>{"new.fdr", "link.fdr"});
  CHECK(fs::exists(precious / "modules" / "data"));
  CHECK(!remove_bundle(incidents.path() / "link.fdr"));
  CHECK(remove_bundle(incidents.path() / "new.fdr"));
  CHECK(!remove_bundle(elsewhere.path()));
  CHECK(fs::exists(precious / "manifest.json"));
}

TEST_CASE("retention: a directory that is not there is nobody's trouble") {
  CHECK_NOTHROW(keep_newest("/nonexistent/fdr", 1, 1));
}

TEST_CASE("abandoned: what a dead writer left half written goes, what a live one writes stays") {
  const Incidents incidents;
  const std::string name = bundle_name(1'700'000'000'000'000'000, "host", "web", "rule");
  std::string left;
  {
    BundleWriter dead(incidents.path(), name);
    dead.add_file("system/at/stat", "cpu");
    left = dead.partial_path();
  }
  BundleWriter writing(incidents.path(), name + "-other");
  writing.add_file("ledger.ndjson", "");
  fs::create_directories(incidents.path() / "notes.fdr.partial");  // none of our names
  fs::permissions(incidents.path() / "notes.fdr.partial", fs::perms::owner_all);
  fs::create_directories(incidents.path() / (name + "-shared.fdr.partial"));  // somebody else may write there
  fs::permissions(incidents.path() / (name + "-shared.fdr.partial"), fs::perms::all);
  incidents.bundle(name + "-whole.fdr", 1);

  CHECK(remove_abandoned(incidents.path(), INT64_MAX).empty());  // older than what is asked for
  REQUIRE(fs::exists(left));
  CHECK(remove_abandoned(incidents.path(), 0) == std::vector<std::string>{left});
  CHECK(incidents.names() == std::set<std::string>{name + "-other.fdr.partial", "notes.fdr.partial", name + "-shared.fdr.partial", name + "-whole.fdr"});
  writing.finish(Manifest{});
  CHECK(incidents.names().contains(name + "-other.fdr"));
}

#include "recorder/history/kept_counters.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>

using namespace fdr;
using namespace std::chrono_literals;

namespace {

struct Place {
  std::filesystem::path directory;
  Place() {
    std::string name = (std::filesystem::temp_directory_path() / "fdr-counters-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    directory = name;
  }
  ~Place() { std::filesystem::remove_all(directory); }
  std::string file() const { return directory / "web.fdrh.counters"; }
};

const Timestamp kNow = from_ns(1'000'000'000'000);

}  // namespace

TEST_CASE("kept counters: the next recorder has them, until one went on from them") {
  const Place place;
  keep_counters(place.file(), {.at = kNow - 5s, .stands = {{"host.vm.faults", 12.5}, {"jobs", 7}, {"nothing", std::nan("")}}});
  const auto taken = kept_counters(place.file(), kNow);
  REQUIRE(taken);
  CHECK(taken->at == kNow - 5s);
  REQUIRE(taken->stands.size() == 2);
  CHECK(taken->stands[0].name == "host.vm.faults");
  CHECK(taken->stands[0].value == 12.5);
  CHECK(taken->stands[1].name == "jobs");
  CHECK(kept_counters(place.file(), kNow));  // who took them never began
  forget_counters(place.file());
  CHECK_FALSE(kept_counters(place.file(), kNow));
}

TEST_CASE("kept counters: not of the future, not of more than a day ago, not from a link") {
  const Place place;
  keep_counters(place.file(), {.at = kNow + 1s, .stands = {{"jobs", 7}}});
  CHECK_FALSE(kept_counters(place.file(), kNow));
  keep_counters(place.file(), {.at = kNow, .stands = {{"jobs", 7}}});
  CHECK_FALSE(kept_counters(place.file(), kNow + 25h));
  forget_counters(place.file());
  keep_counters(place.directory / "elsewhere", {.at = kNow, .stands = {{"jobs", 7}}});
  std::filesystem::create_symlink(place.directory / "elsewhere", place.file());
  CHECK_FALSE(kept_counters(place.file(), kNow + 1s));
  CHECK(std::filesystem::exists(place.directory / "elsewhere"));
}

TEST_CASE("kept counters: cut short at any byte, or damaged, they are none") {
  const Place place;
  keep_counters(place.file(), {.at = kNow, .stands = {{"host.vm.faults", 12.5}, {"jobs", 7}}});
  std::ifstream in(place.file(), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  REQUIRE(whole.size() > 50);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(place.file(), std::ios::binary) << whole.substr(0, size);
    CHECK_FALSE(kept_counters(place.file(), kNow + 1s));
    std::string damaged = whole;
    damaged[size] = static_cast<char>(damaged[size] ^ 0x20);
    std::ofstream(place.file(), std::ios::binary) << damaged;
    CHECK_FALSE(kept_counters(place.file(), kNow + 1s));
  }
}

TEST_CASE("kept counters: what counts on without a recorder") {
  Config config;
  config.metrics.push_back({});
  config.metrics.back().name = "jobs";
  CHECK(outlives_recorder("host.vm.faults", config));
  CHECK(outlives_recorder("jobs", config));
  CHECK_FALSE(outlives_recorder("process.syscalls", config));
  CHECK_FALSE(outlives_recorder("log.errors", config));
}

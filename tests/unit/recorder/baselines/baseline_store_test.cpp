#include "recorder/baselines/baseline_store.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "formats/bundle_writer.hpp"
#include "formats/compare/baseline.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using test::TestDirectory;

namespace {

constexpr std::int64_t kSecond_ns = 1'000'000'000, kHour_ns = 3600 * kSecond_ns, kNow_ns = 1'772'000'000 * kSecond_ns;

StoredBaseline aged(const char* kind, double hours) {
  const std::int64_t time = kNow_ns - static_cast<std::int64_t>(hours * 3600) * kSecond_ns;
  return {utc_compact(time) + "." + kind, kind, time};
}

std::vector<double> ages(const std::vector<StoredBaseline>& all) {
  std::vector<double> hours;
  for (const StoredBaseline& one : all) hours.push_back(static_cast<double>(kNow_ns - one.realtime_ns) / kHour_ns);
  return hours;
}

std::string write(const TestDirectory& directory, std::int64_t time_ns, const std::string& kind) {
  BundleWriter writer(directory.path("baselines"), utc_compact(time_ns) + "." + kind);
  writer.add_file("trace.pftrace", "bytes");
  return writer.finish({});
}

}  // namespace

TEST_CASE("baselines: of months of cuts a few stay, one of them a day old at any time") {
  std::vector<StoredBaseline> kept;
  for (int hour = 24 * 40; hour >= 0; --hour) {
    kept.insert(kept.begin(), aged(hour % 100 == 7 ? "start" : hour % 50 == 3 ? "mark" : "regular", hour));
    const std::int64_t now = kept.front().realtime_ns;
    for (const StoredBaseline& gone : superseded(kept, now)) std::erase_if(kept, [&](const StoredBaseline& one) { return one.name == gone.name; });
    CHECK(kept.size() <= 19);
    if (hour > 24 * 37) continue;
    const auto day_old = [&](const StoredBaseline& one) { return now - one.realtime_ns >= 24 * kHour_ns && now - one.realtime_ns <= 33 * kHour_ns && one.kind == "regular"; };
    CHECK(std::any_of(kept.begin(), kept.end(), day_old));
  }
  CHECK(std::count_if(kept.begin(), kept.end(), [](const StoredBaseline& one) { return one.kind == "start"; }) == 2);
  CHECK(std::count_if(kept.begin(), kept.end(), [](const StoredBaseline& one) { return one.kind == "mark"; }) == 4);
}

TEST_CASE("baselines: after a month without a recorder the last regular one is still there") {
  CHECK(superseded({aged("regular", 700)}, kNow_ns).empty());
  CHECK(ages(superseded({aged("regular", 1), aged("regular", 2), aged("regular", 3), aged("regular", 60), aged("regular", 61)}, kNow_ns)) == std::vector<double>{61});
}

TEST_CASE("baselines: a bundle gets the youngest older than its window, of each kind and age") {
  const std::vector<StoredBaseline> all = {aged("regular", 0), aged("mark", 0.2), aged("regular", 0.5), aged("regular", 1.5), aged("start", 5), aged("mark", 6),
                                           aged("mark", 7), aged("mark", 8), aged("regular", 23), aged("regular", 26), aged("start", 90)};
  auto hours = ages(chosen_for_bundle(all, kNow_ns - 60 * kSecond_ns));
  std::sort(hours.begin(), hours.end());
  CHECK(hours == std::vector<double>{0.2, 0.5, 1.5, 5, 6, 7, 26});
  CHECK(chosen_for_bundle({aged("start", 0)}, kNow_ns - 60 * kSecond_ns).empty());
}

TEST_CASE("baselines: found by their names; links and strangers are none; those no longer needed are removed") {
  const TestDirectory directory;
  const std::string kept = directory.path("baselines");
  CHECK(stored_baselines(kept).empty());
  for (int hour = 0; hour < 5; ++hour) write(directory, kNow_ns - hour * kHour_ns, "start");
  std::filesystem::create_directory(kept + "/2026-02-25T06-13-20Z.other.fdr");
  std::filesystem::create_directory(kept + "/no-time-at-all-known.start.fdr");
  CHECK(stored_baselines(kept).size() == 5);
  remove_superseded(kept, kNow_ns);
  CHECK(ages(stored_baselines(kept)) == std::vector<double>{0, 1});
  std::filesystem::create_directory_symlink(kept, directory.path("link"));
  CHECK(stored_baselines(directory.path("link")).empty());
}

TEST_CASE("baselines: their files go into the bundle; one that cannot be read is a loss") {
  const TestDirectory directory;
  const std::string start = write(directory, kNow_ns - 5 * kHour_ns, "start"), mark = write(directory, kNow_ns - 6 * kHour_ns, "mark");
  std::filesystem::resize_file(mark + "/trace.pftrace", 2 * kMostBaselineBytes);
  TextFiles files;
  std::vector<std::string> losses;
  add_baselines(directory.path("baselines"), kNow_ns, files, losses);
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].find(".mark") != std::string::npos);
  const std::string name = std::filesystem::path(start).stem();
  CHECK(files.at("baselines/" + name + "/trace.pftrace") == "bytes");
  for (const auto& [path, contents] : files) CHECK(path.starts_with("baselines/" + name + "/"));
}

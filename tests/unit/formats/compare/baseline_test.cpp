#include "formats/compare/baseline.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "formats/bundle_writer.hpp"
#include "formats/compare/baseline_merge.hpp"
#include "formats/compare/diff.hpp"
#include "formats/error.hpp"
#include "formats/findings/findings.hpp"
#include "formats/report/report.hpp"
#include "tests/unit/formats/findings/made_case.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using namespace fdr::made_case;
using test::TestDirectory;

namespace {

constexpr std::int64_t kFired_ns = 1'772'368'883'456'000'000;

// All of the window is as it is at its end: the incident is older. `load`: percent of a CPU.
Case steady(double load) {
  Case c;
  c.manifest.trigger.realtime_ns = kFired_ns;
  c.manifest.window.before_s = -kBegin;
  c.manifest.target.names = {"server"};
  c.metric("process.cpu.total", load, load, Unit::kPercent);
  c.metric("process.cpu.user", load, load, Unit::kPercent);
  c.metric("process.rss", [=](double) { return load * 10e6; }, Unit::kBytes);
  c.counter("process.syscalls", 10 * load, 10 * load);
  c.samples(1, {"main", "rank", "score"}, kBegin, kEnd, load);
  c.sums("sendto", 10 * load, 10 * load);
  return c;
}

// A bundle of it in `directory`, with the baselines (name -> percent of a CPU), each an hour older than the one before.
std::string written(const TestDirectory& directory, double load, const std::vector<std::pair<std::string, double>>& baselines, bool damaged = false) {
  const Case now = steady(load);
  BundleWriter writer(directory.root(), "bundle");
  writer.add_trace(now.timeline, {});
  std::int64_t age_ns = 0;
  for (const auto& [name, then_load] : baselines) {
    Case then = steady(then_load);
    age_ns += 3'600'000'000'000;
    then.timeline.anchor.realtime_ns -= age_ns;
    then.manifest.trigger = {.name = "baseline", .when = "", .value = 0, .value_text = "", .evidence = "why", .realtime_ns = kFired_ns - age_ns, .monotonic_ns = incident::kFired, .drill = false};
    then.manifest.window = {to_ns(then.timeline.begin), to_ns(then.timeline.end), kEnd - kBegin, 0};
    const TestDirectory inner;
    BundleWriter baseline(inner.root(), "b");
    baseline.add_trace(then.timeline, {});
    baseline.add_modules(then.timeline.stacks);
    const std::string path = baseline.finish(then.manifest);
    for (const char* file : {"manifest.json", "modules.json", "trace.pftrace"}) {
      std::string bytes = read_bundle_text(path, file).value();
      if (damaged && std::string_view(file) == "trace.pftrace") bytes.resize(bytes.size() / 2);
      writer.add_file("baselines/" + name + "/" + file, bytes);
    }
  }
  return writer.finish(now.manifest);
}

Bundle opened(const std::string& path, const std::string& wanted = "") {
  Bundle bundle = read_bundle(path);
  compare_with_baseline(bundle, wanted);
  return bundle;
}

Finding finding(const Bundle& bundle, const std::string& id) {
  const View view(bundle.manifest, bundle.timeline, {});
  for (const Finding& one : judge(view, {}).findings)
    if (one.id == id) return one;
  return {"no such finding", Verdict::kNotMeasurable, id, 0, "", ""};
}

}  // namespace

TEST_CASE("baseline: an incident that is older than the window is compared with the youngest one") {
  const TestDirectory directory;
  const std::string path = written(directory, 90, {{"2026-03-01T11-41-23Z.regular", 6}, {"2026-03-01T10-41-23Z.start", 3}});
  const Bundle bundle = opened(path);
  REQUIRE(bundle.timeline.quiet);
  CHECK(bundle.timeline.quiet->said == "the baseline of 11:41:23 (regular), 60 min before");
  CHECK(is_for(finding(bundle, "user-path")));
  CHECK(contains(finding(bundle, "user-path").evidence, "6.0 % before, 90.0 % since"));
  CHECK(is_for(finding(bundle, "memory-level")));
  CHECK(is_open(finding(bundle, "started")));  // since when is still not known
  FrameNames names;
  const Difference difference = diff_within({bundle, names});
  CHECK(contains(difference.base, "11:41:23"));
  CHECK(difference.base_s == doctest::Approx(37).epsilon(0.01));
  for (const DiffPart& part : difference.parts)
    for (const DiffRow& row : part.rows)
      if (row.name == "process.syscalls") {
        CHECK(row.base == doctest::Approx(60).epsilon(0.02));
        CHECK(row.now == doctest::Approx(900).epsilon(0.02));
      } else if (row.name == "sendto") {
        CHECK(row.base == doctest::Approx(60).epsilon(0.05));
      }
}

TEST_CASE("baseline: what is as it was is not accused, and without one nothing is compared") {
  const TestDirectory directory, other;
  const Bundle same = opened(written(directory, 30, {{"2026-03-01T11-41-23Z.regular", 30}}));
  CHECK(is_against(finding(same, "user-path")));
  CHECK(is_against(finding(same, "memory-level")));
  const Bundle alone = opened(written(other, 90, {}));
  CHECK_FALSE(alone.timeline.quiet);
  CHECK(is_open(finding(alone, "user-path")));
  CHECK(finding(alone, "memory-level").id == "no such finding");
}

TEST_CASE("baseline: who looks at the window sees nothing of it") {
  const TestDirectory directory;
  const std::string path = written(directory, 90, {{"2026-03-01T11-41-23Z.regular", 6}});
  const Bundle with = opened(path), without = opened(path, "none");
  CHECK_FALSE(without.timeline.quiet);
  CHECK(with.timeline.samples.size() > without.timeline.samples.size());
  for (const char* part : {"stacks", "syscalls", "threads", "processes", "metrics", "timeline"}) {
    CAPTURE(part);
    CHECK(show_json(with, {}, part, {}) == show_json(without, {}, part, {}));
  }
}

TEST_CASE("baseline: one is chosen by name; a name that is none is an error that lists them") {
  const TestDirectory directory;
  const std::string path = written(directory, 90, {{"2026-03-01T11-41-23Z.regular", 6}, {"2026-03-01T10-41-23Z.start", 3}});
  CHECK(contains(opened(path, "2026-03-01T10-41-23Z.start").timeline.quiet->said, "(start), 2 h before"));
  CHECK_THROWS_WITH_AS(opened(path, "x"), "this bundle has no baseline 'x'", Error);
  const std::vector<Baseline> all = baselines_of(read_bundle(path));
  REQUIRE(all.size() == 2);
  CHECK(all[0].kind == "regular");
  CHECK(all[0].before_s == doctest::Approx(3600));
  CHECK(all[1].name == "2026-03-01T10-41-23Z.start");
}

TEST_CASE("baseline: damage is passed over and told, by name it is an error; links are not followed") {
  const TestDirectory directory, other;
  const std::string path = written(directory, 90, {{"2026-03-01T11-41-23Z.regular", 6}}, true);
  const Bundle bundle = opened(path);
  CHECK_FALSE(bundle.timeline.quiet);
  CHECK(std::any_of(bundle.problems.begin(), bundle.problems.end(), [](const std::string& p) { return contains(p, "damaged"); }));
  CHECK_THROWS_AS(opened(path, "2026-03-01T11-41-23Z.regular"), Error);

  const std::string good = written(other, 90, {{"2026-03-01T11-41-23Z.regular", 6}});
  std::filesystem::rename(good + "/baselines/2026-03-01T11-41-23Z.regular", other.path("elsewhere"));
  std::filesystem::create_directory_symlink(other.path("elsewhere"), good + "/baselines/2026-03-01T11-41-23Z.regular");
  CHECK_FALSE(opened(good).timeline.quiet);
  CHECK_THROWS_AS(read_inner_bundle(good, "baselines/2026-03-01T11-41-23Z.regular"), Error);
  CHECK_THROWS_AS(read_inner_bundle(good, "../bundle.fdr"), Error);
}

TEST_CASE("baseline: one that overlaps the window, of others, or of clocks that cannot be, does not stand for quiet") {
  const Case c = steady(90);
  Bundle bundle;
  bundle.manifest = c.manifest;
  bundle.timeline = c.timeline;
  Bundle slice = bundle;
  slice.timeline.anchor.realtime_ns += 7'200'000'000'000;  // the wall clock was set back since
  merge_quiet_slice(bundle, slice, "b", "said");
  CHECK(bundle.timeline.quiet->end <= bundle.timeline.begin);
  CHECK(std::is_sorted(bundle.timeline.samples.begin(), bundle.timeline.samples.end(), [](const auto& a, const auto& b) { return a.time < b.time; }));

  for (const std::int64_t ns : {INT64_MIN, INT64_MAX}) {
    Bundle damaged = slice, whole;
    whole.timeline = c.timeline;
    damaged.timeline.anchor = {ns, ~ns, ns};
    try {
      merge_quiet_slice(whole, damaged, "b", "said");
      CHECK(whole.timeline.quiet->end <= whole.timeline.begin);
    } catch (const Error&) {
    }
  }
  Bundle empty = slice, whole;
  empty.timeline.end = empty.timeline.begin;
  CHECK_THROWS_AS(merge_quiet_slice(whole, empty, "b", "said"), Error);
}

TEST_CASE("baseline: threads and stacks that are the same are joined, the kernel's addresses are not") {
  Case then = steady(10), now = steady(90);
  then.samples(0, {"main", "serve", "[read]"}, kBegin, kEnd, 5);
  now.samples(0, {"main", "serve", "[read]"}, kBegin, kEnd, 5);
  then.timeline.threads.push_back(incident::thread(102, 0, "gone", 1));
  then.samples(3, {"main"}, kBegin, kEnd, 5);
  Bundle bundle, slice;
  bundle.timeline = now.timeline;
  slice.timeline = then.timeline;
  slice.timeline.anchor.realtime_ns -= 3'600'000'000'000;
  merge_quiet_slice(bundle, slice, "b", "said");
  CHECK(bundle.timeline.processes.size() == now.timeline.processes.size());
  REQUIRE(bundle.timeline.threads.size() == now.timeline.threads.size() + 1);
  CHECK(bundle.timeline.threads.back().ended);
  CHECK(bundle.timeline.stacks.modules().size() == 3);  // the program, the kernel now, and then
  CHECK(contains(bundle.timeline.stacks.modules().back().path, "b [kernel]"));
}

TEST_CASE("ages read as people say them") {
  CHECK(ago_text(40) == "40 s");
  CHECK(ago_text(58 * 60) == "58 min");
  CHECK(ago_text(23 * 3600) == "23 h");
  CHECK(ago_text(3.1 * 86400) == "3.1 days");
  CHECK(baseline_kind("2026-03-01T09-41-03Z.mark-2") == "mark");
  CHECK(baseline_kind("2026-03-01T09-41-03Z.evil").empty());
  CHECK(baseline_kind("start").empty());
}

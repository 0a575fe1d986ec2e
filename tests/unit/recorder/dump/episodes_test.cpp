#include "recorder/dump/episodes.hpp"

#include <doctest/doctest.h>

using namespace fdr;
using namespace std::chrono_literals;

namespace {

constexpr Timestamp kStart = from_ns(1'000'000'000'000);

Firing firing(const char* rule, Duration at) {
  Firing firing;
  firing.rule = rule;
  firing.time = kStart + at;
  return firing;
}

EpisodeEnd end(const char* rule, Duration at) {
  EpisodeEnd end;
  end.rule = rule;
  end.time = kStart + at;
  return end;
}

const ClockAnchor kClock{1'772'368'883'000'000'000, 1'000'000'000'000, 0};

}  // namespace

TEST_CASE("episodes: onset and end have one id, and the end names the first bundle") {
  Episodes episodes;
  const auto onset = episodes.begin(firing("cpu", 1500ms), kClock, kStart + 6500ms);
  CHECK(onset.id == "2026-03-01T12:41:24.500Z.cpu");
  CHECK(onset.stage == "onset");
  CHECK(onset.onset_ns == 1'001'500'000'000);
  CHECK_FALSE(episodes.ended(end("memory", 2s)));
  episodes.written({onset.id}, "first.fdr");
  const auto over = episodes.ended(end("cpu", 40s));
  REQUIRE(over);
  CHECK(over->note.id == onset.id);
  CHECK(over->note.stage == "end");
  CHECK(over->note.onset_bundle == "first.fdr");
  CHECK(over->covered_until == kStart + 6500ms);
  CHECK_FALSE(over->first_is_open);
  CHECK(episodes.open() == 0);
  CHECK_FALSE(episodes.ended(end("cpu", 41s)));
}

TEST_CASE("episodes: rules that fire into one bundle are one episode, over with the last of them") {
  Episodes episodes;
  const auto onset = episodes.begin(firing("cpu", 1s), kClock, kStart + 6s);
  const auto joined = episodes.join(firing("memory", 2s), kClock, kStart + 7s);
  CHECK(joined.id == onset.id);
  CHECK(joined.rules == std::vector<std::string>{"cpu", "memory"});
  episodes.written({onset.id}, "first.fdr");
  CHECK_FALSE(episodes.ended(end("cpu", 20s)));
  const auto over = episodes.ended(end("memory", 30s));
  REQUIRE(over);
  CHECK(over->note.rules == std::vector<std::string>{"cpu", "memory"});
}

TEST_CASE("episodes: a rule that fires again without an end does not pile up") {
  Episodes episodes;
  for (int i = 0; i < 5; ++i) episodes.begin(firing("exit", std::chrono::seconds(i)), kClock, kStart);
  CHECK(episodes.open() == 1);
}

TEST_CASE("episodes: what is over while its first bundle is open needs no second one") {
  Episodes episodes;
  episodes.begin(firing("cpu", 1s), kClock, kStart + 6s);
  const auto over = episodes.ended(end("cpu", 3s));
  REQUIRE(over);
  CHECK(over->first_is_open);
  CHECK(over->note.stage == "whole");
}

TEST_CASE("episodes: a firing into a bundle of another kind begins one, and a bundle that is done takes no more") {
  Episodes episodes;
  const auto first = episodes.join(firing("cpu", 1s), kClock, kStart + 6s);
  CHECK(first.rules.size() == 1);
  episodes.written({first.id}, "asked.fdr");
  const auto second = episodes.join(firing("memory", 20s), kClock, kStart + 26s);
  CHECK(second.id != first.id);
  CHECK(episodes.open() == 2);
  episodes.written({first.id}, "never.fdr");
  CHECK(episodes.ended(end("cpu", 30s))->note.onset_bundle == "asked.fdr");
  CHECK(episodes.ended(end("memory", 30s))->first_is_open);
}

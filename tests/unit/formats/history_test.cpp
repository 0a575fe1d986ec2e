#include "formats/history_image.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "formats/error.hpp"
#include "formats/history_code.hpp"

using namespace fdr;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kNoon_ns = 1'772'366'400'000'000'000;  // 2026-03-01T12:00:00Z

std::span<const std::uint8_t> bytes_of(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

HistoryValue value(double mean, double spread = 0) { return history_value(mean, mean - spread, mean + spread); }

HistoryRows run(std::int64_t start_ns, std::uint32_t rows, double first, Duration step = 1s) {
  HistoryRows run{.start_ns = start_ns, .step = step, .rows = rows, .columns = {{.metric = 0, .values = {}}}};
  for (std::uint32_t i = 0; i < rows; ++i) run.columns[0].values.push_back(value(first + i));
  return run;
}

// A file as a writer makes it, write by write.
struct File {
  explicit File(std::uint64_t max_bytes = 1u << 20) : image(HistoryLayout::within(max_bytes)) { apply(image.head()); }
  void apply(const HistoryWrite& write) {
    if (bytes.size() < write.offset + write.bytes.size()) bytes.resize(write.offset + write.bytes.size());
    bytes.replace(write.offset, write.bytes.size(), write.bytes);
  }
  void name(const HistoryMetric& metric) {
    std::vector<HistoryWrite> writes;
    REQUIRE(image.place_of(metric, writes));
    for (const HistoryWrite& write : writes) apply(write);
  }
  void add(HistoryRing ring, const HistoryRows& rows) {
    const auto write = image.add(ring, encode_history_rows(rows));
    REQUIRE(write);
    last = *write;
    apply(last);
  }
  HistoryImage image;
  HistoryWrite last;
  std::string bytes;
};

std::vector<std::int64_t> starts(const std::vector<HistoryRows>& runs) {
  std::vector<std::int64_t> starts;
  for (const HistoryRows& rows : runs) starts.push_back((rows.start_ns - kNoon_ns) / 1'000'000'000);
  return starts;
}

}  // namespace

TEST_CASE("history code: what is rounded comes back as it was, unknown stays unknown") {
  HistoryRows rows{.start_ns = kNoon_ns, .step = 1s, .rows = 5, .columns = {}};
  rows.columns.push_back({.metric = 3, .values = {value(12.34, 1), {}, value(-5e-7, 3), value(0), value(7.7e11, 2e10)}});
  rows.columns.push_back({.metric = 127, .values = std::vector<HistoryValue>(5)});
  const auto again = decode_history_rows(bytes_of(encode_history_rows(rows)));
  REQUIRE(again);
  CHECK(again->start_ns == kNoon_ns);
  CHECK(again->rows == 5);
  for (std::size_t c = 0; c < 2; ++c)
    for (std::size_t i = 0; i < 5; ++i) {
      const HistoryValue& was = rows.columns[c].values[i];
      const HistoryValue& is = again->columns[c].values[i];
      CHECK(is.known() == was.known());
      if (!was.known()) continue;
      CHECK(is.mean == was.mean);
      CHECK(is.least == was.least);
      CHECK(is.greatest == was.greatest);
    }
}

TEST_CASE("history code: rounding keeps an eighth of a thousandth and knows what is no number") {
  for (const double value : {1e-9, 0.37, 99.99, 123456.0, 8e9, 3e14, -4.2}) CHECK(std::abs(history_rounded(value) - value) <= std::abs(value) / 8000);
  CHECK(history_rounded(0) == 0);
  CHECK(std::isnan(history_rounded(NAN)));
  CHECK(std::isnan(history_rounded(INFINITY)));
  CHECK(std::isnan(history_rounded(1e300)));
}

TEST_CASE("history code: extremes are rounded outwards, by a fifth of a per cent at most") {
  const HistoryValue wide = history_value(50, 20, 90);
  CHECK(wide.mean == 50);
  CHECK(wide.least <= 20);
  CHECK(wide.least >= 20 * 0.995);
  CHECK(wide.greatest >= 90);
  CHECK(wide.greatest <= 90 * 1.005);
  const HistoryValue steady = history_value(7, 7, 7);
  CHECK(steady.least == 7);
  CHECK(steady.greatest == 7);
  CHECK_FALSE(history_value(1, -1e300, 1).known());
}

TEST_CASE("history code: hostile counts and cut bytes give nothing, and no bytes crash it") {
  const std::string good = encode_history_rows(run(kNoon_ns, 40, 10));
  for (std::size_t length = 0; length < good.size(); ++length) CHECK_FALSE(decode_history_rows(bytes_of(good.substr(0, length))));
  std::string many = good.substr(0, 8) + std::string("\x80\xa8\xd6\xb9\x07\xff\xff\xff\xff\x0f\x01\x00", 12);  // some billion rows
  CHECK_FALSE(decode_history_rows(bytes_of(many)));
  std::mt19937 random(7);
  for (int i = 0; i < 4000; ++i) {
    std::string bad = good;
    for (int change = 0; change < 3; ++change) bad[random() % bad.size()] = static_cast<char>(random());
    if (const auto rows = decode_history_rows(bytes_of(bad))) CHECK(rows->rows <= kMaxHistoryRows);
    if (const auto looks = decode_history_movers(bytes_of(bad))) CHECK(looks->size() <= 512);
  }
}

TEST_CASE("history code: no more is checksummed than what a chunk can have, and than is left to look at") {
  const std::string sealed = seal_history_chunk(7, encode_history_rows(run(kNoon_ns, 40, 10)));
  std::size_t budget = sealed.size();
  REQUIRE(find_history_chunk(bytes_of(sealed), budget));
  const std::size_t looked = sealed.size() - budget;
  CHECK(looked > 12);
  CHECK(looked <= sealed.size());

  // As much as there is claimed for contents of one byte: that is not looked at.
  const auto claim = [&](std::uint32_t packed_bytes, std::uint32_t contents_bytes) {
    std::string chunk = sealed + std::string(100'000, 'x');
    chunk.replace(4, 4, reinterpret_cast<const char*>(&packed_bytes), 4);
    chunk.replace(12, 4, reinterpret_cast<const char*>(&contents_bytes), 4);
    return chunk;
  };
  budget = 200'000;
  CHECK_FALSE(find_history_chunk(bytes_of(claim(90'000, 1)), budget));
  CHECK(budget == 200'000);
  CHECK_FALSE(find_history_chunk(bytes_of(claim(90'000, 90'000)), budget));
  CHECK(budget == 200'000 - 90'012);
  CHECK_FALSE(find_history_chunk(bytes_of(claim(90'000, 90'000)), budget));
  CHECK_FALSE(find_history_chunk(bytes_of(claim(90'000, 90'000)), budget));
  CHECK(budget == 0);
}

TEST_CASE("history file: where each block claims all that is behind it, the search ends and says so") {
  File file;
  file.name({"m"});
  for (int i = 0; i < 3; ++i) file.add(HistoryRing::kSeconds, run(kNoon_ns + i * 30'000'000'000, 30, i));
  const std::size_t ring = HistoryLayout::within(1u << 20).rings[0].offset;
  std::string hostile = file.bytes;
  hostile.resize(ring + (256u << 10));
  const std::uint32_t claims[4] = {0x43524446, 100'000, 0, 100'000};
  for (std::size_t at = file.last.offset + file.last.bytes.size(); at + sizeof claims <= hostile.size(); at += kHistoryBlock) std::memcpy(hostile.data() + at, claims, sizeof claims);
  const History history = read_history(bytes_of(hostile));
  CHECK(starts(history.seconds) == std::vector<std::int64_t>{0, 30, 60});
  CHECK(history.problems == std::vector<std::string>{"1 pieces of the history are damaged and left out"});
}

TEST_CASE("history code: who took most") {
  const std::vector<HistoryMovers> movers = {
      {.time_ns = kNoon_ns, .span = 10s, .processes = {{.name = "cc1plus", .pid = 4711, .cpu_percent = 98, .rss_bytes = 5e8f, .io_bytes_s = 0, .ended = true}, {.name = std::string(200, 'x')}}},
      {.time_ns = kNoon_ns + 10, .span = 10s, .processes = {}}};
  const auto again = decode_history_movers(bytes_of(encode_history_movers(movers)));
  REQUIRE(again);
  REQUIRE(again->size() == 2);
  CHECK(again->front().processes[0].name == "cc1plus");
  CHECK(again->front().processes[0].pid == 4711);
  CHECK(again->front().processes[0].ended);
  CHECK(again->front().processes[0].cpu_percent == doctest::Approx(98).epsilon(0.001));
  CHECK(again->front().processes[1].name.size() == 64);
  CHECK(again->back().processes.empty());
}

TEST_CASE("history file: chunks come back in order, a torn tail is dropped and written over") {
  File file;
  file.name({"host.cpu.busy", Unit::kPercent, MetricKind::kGauge});
  for (int i = 0; i < 3; ++i) file.add(HistoryRing::kSeconds, run(kNoon_ns + i * 30'000'000'000, 30, 10 * i));
  History whole = read_history(bytes_of(file.bytes));
  CHECK(starts(whole.seconds) == std::vector<std::int64_t>{0, 30, 60});
  CHECK(whole.metrics == std::vector<HistoryMetric>{{"host.cpu.busy", Unit::kPercent, MetricKind::kGauge}});
  CHECK(whole.problems.empty());

  std::string torn = file.bytes;
  torn[file.last.offset + 40] ^= 1;
  History rest;
  auto image = HistoryImage::open(bytes_of(torn), rest);
  REQUIRE(image);
  CHECK(starts(rest.seconds) == std::vector<std::int64_t>{0, 30});
  const auto next = image->add(HistoryRing::kSeconds, encode_history_rows(run(kNoon_ns + 60'000'000'000, 5, 1)));
  REQUIRE(next);
  CHECK(next->offset == file.last.offset);
  std::vector<HistoryWrite> writes;
  CHECK(image->place_of({"host.cpu.busy", Unit::kPercent, MetricKind::kGauge}, writes) == 0);
  CHECK(image->place_of({"host.cpu.busy", Unit::kPercent, MetricKind::kCounter}, writes) == 1);
  CHECK(writes.size() == 1);
}

TEST_CASE("history file: a cut file is read as far as it goes, another one is none") {
  File file;
  file.name({"m"});
  for (int i = 0; i < 20; ++i) file.add(HistoryRing::kSeconds, run(kNoon_ns + i * 30'000'000'000, 30, i));
  for (std::size_t length = 0; length < file.bytes.size(); length += 101) {
    History history;
    const bool opened = HistoryImage::open(bytes_of(file.bytes.substr(0, length)), history).has_value();
    CHECK(opened == (length >= 68));
    if (length >= file.last.offset && opened) CHECK(history.seconds.size() == 19);
  }
  std::string other = file.bytes;
  other[8] = 2;  // a later version
  CHECK_THROWS_AS(read_history(bytes_of(other)), Error);
  CHECK_THROWS_AS(read_history(bytes_of("no history at all")), Error);
}

TEST_CASE("history file: where the wall clock was set back the newer rows stand; set forward, a gap") {
  File file;
  file.name({"m"});
  file.add(HistoryRing::kSeconds, run(kNoon_ns, 30, 0));
  file.add(HistoryRing::kSeconds, run(kNoon_ns + 3'600'000'000'000, 30, 100));
  file.add(HistoryRing::kSeconds, run(kNoon_ns + 20'000'000'000, 30, 200));
  const History history = read_history(bytes_of(file.bytes));
  CHECK(starts(history.seconds) == std::vector<std::int64_t>{0, 20});
  CHECK(history.seconds[0].rows == 20);
  CHECK(history.seconds[1].columns[0].values[0].mean == 200);
}

TEST_CASE("history file: a day of seconds and a month of minutes of a restless host fit into 16 MB, round and round") {
  constexpr int kMetrics = 24, kAtOnce = 30;
  File file(16u << 20);
  for (int i = 0; i < kMetrics; ++i) file.name({"metric." + std::to_string(i)});
  std::mt19937 random(3);
  // Twice the time: the rings go round.
  const auto fill = [&](HistoryRing ring, Duration step, int rows) {
    std::int64_t at = kNoon_ns;
    for (int done = 0; done < 2 * rows; done += kAtOnce, at += step.count() * kAtOnce) {
      HistoryRows part{.start_ns = at, .step = step, .rows = kAtOnce, .columns = {}};
      for (int metric = 0; metric < kMetrics; ++metric) {
        HistoryRows::Column column{.metric = static_cast<std::uint16_t>(metric), .values = {}};
        const bool restless = metric < 12;
        for (int i = 0; i < kAtOnce; ++i) column.values.push_back(restless ? value(50 + random() % 1000 * 0.01, random() % 100 * 0.01) : value(4e9));
        part.columns.push_back(std::move(column));
      }
      file.add(ring, part);
    }
    return at;
  };
  const std::int64_t last = fill(HistoryRing::kSeconds, 1s, 86'400), last_minute = fill(HistoryRing::kMinutes, 1min, 43'200);
  CHECK(file.bytes.size() <= 16u << 20);
  const History history = read_history(bytes_of(file.bytes));
  CHECK(history.seconds.back().end_ns() == last);
  CHECK(history.minutes.back().end_ns() == last_minute);
  MESSAGE("hours of seconds: " << double(last - history.seconds.front().start_ns) / 3.6e12 << ", days of minutes: " << double(last_minute - history.minutes.front().start_ns) / 8.64e13);
  CHECK(last - history.seconds.front().start_ns >= 24ll * 3'600'000'000'000);
  CHECK(last_minute - history.minutes.front().start_ns >= 30ll * 86'400'000'000'000);
}

TEST_CASE("history file: as long as what is in it, and the same again") {
  History history{.metrics = {{"a", Unit::kBytes, MetricKind::kGauge}, {"b", Unit::kNone, MetricKind::kCounter}},
                  .seconds = {run(kNoon_ns, 3600, 5)}, .minutes = {run(kNoon_ns - 60'000'000'000'000, 900, 7, 1min)},
                  .movers = {{.time_ns = kNoon_ns, .span = 10s, .processes = {{.name = "x"}}}}, .problems = {}};
  const History again = read_history(bytes_of(history_bytes(history)));
  CHECK(again.metrics == history.metrics);
  REQUIRE(again.seconds.size() == 1);
  CHECK(again.seconds[0].rows == 3600);
  CHECK(again.minutes[0].start_ns == history.minutes[0].start_ns);
  CHECK(again.minutes[0].step == 1min);
  CHECK(again.movers.size() == 1);
  CHECK(again.seconds[0].columns[0].values[3599].mean == history_rounded(5 + 3599));
}

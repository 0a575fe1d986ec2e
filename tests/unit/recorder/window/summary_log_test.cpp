#include "recorder/window/summary_log.hpp"

#include <doctest/doctest.h>

#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

constexpr Duration kSpan = std::chrono::seconds(10);

Timestamp second(double number) { return Timestamp{from_seconds(1000 + number)}; }

// As count_call() in the programs.
void count(fdr_summary_cell& cell, Timestamp now, std::uint64_t wall, bool failed = false) {
  ++cell.calls;
  cell.errors += failed;
  cell.wall_ns += wall;
  cell.cpu_ns += wall / 2;
  ++cell.histogram[wall >= 512 ? 5 : 0];
  const auto epoch = static_cast<std::uint32_t>(to_ns(now) >> 30);
  const unsigned parity = epoch & 1;
  if (cell.max_epoch[parity] != epoch || wall > cell.max_ns[parity]) cell.max_ns[parity] = wall;
  cell.max_epoch[parity] = epoch;
}

const SummaryRow* row_of(const SummaryLog& log, std::uint32_t tgid, std::uint16_t nr, Timestamp begin) {
  for (const SummaryRow& row : log.rows())
    if (row.tgid == tgid && row.nr == nr && row.begin == begin) return &row;
  return nullptr;
}

struct Fixture {
  MemoryWindow window{MemoryWindow::small(2)};
  SummaryLog log{kSpan};
  void read(double at, const std::vector<std::uint32_t>& dead = {}) { log.read(window.view(), second(at), dead); }
};

}  // namespace

TEST_CASE("summary log: each second's differences, CPUs together") {
  Fixture f;
  f.read(0);
  count(f.window.summary(7, 0, 0), second(0.5), 100);
  count(f.window.summary(7, 0, 0), second(0.6), 1000, true);
  count(f.window.summary(7, 0, 1), second(0.7), 300);
  count(f.window.summary(7, 1, 1), second(0.7), 50);
  f.read(1);
  REQUIRE(f.log.rows().size() == 2);
  const SummaryRow* row = row_of(f.log, 7, 0, second(0));
  REQUIRE(row);
  CHECK(row->interval == std::chrono::seconds(1));
  CHECK(row->calls == 3);
  CHECK(row->errors == 1);
  CHECK(row->wall_ns == 1400);
  CHECK(row->cpu_ns == 700);
  CHECK(row->max_ns == 1000);
  CHECK(row->histogram[0] == 2);
  CHECK(row->histogram[5] == 1);

  count(f.window.summary(7, 0, 0), second(1.5), 10);
  f.read(2);
  REQUIRE(f.log.rows().size() == 3);  // none for a number that was not called again
  row = row_of(f.log, 7, 0, second(1));
  REQUIRE(row);
  CHECK(row->calls == 1);
  CHECK(row->wall_ns == 10);
  CHECK(row->histogram[0] == 1);
  CHECK(row->histogram[5] == 0);
}

TEST_CASE("summary log: the slowest call is that of the second, not of all time") {
  Fixture f;
  f.read(0);
  count(f.window.summary(7, 0), second(0.5), 5000);
  f.read(1);
  for (int i = 1; i < 8; ++i) {
    count(f.window.summary(7, 0), second(i + 0.5), 20);
    f.read(i + 1);
  }
  CHECK(row_of(f.log, 7, 0, second(0))->max_ns == 5000);
  CHECK(row_of(f.log, 7, 0, second(6))->max_ns == 20);
}

TEST_CASE("summary log: ABI bits are part of the number") {
  Fixture f;
  f.read(0);
  count(f.window.summary(7, 3), second(0.5), 1);
  count(f.window.summary(7, 3 | FDR_NR_COMPAT), second(0.5), 2);
  f.read(1);
  CHECK(row_of(f.log, 7, 3, second(0))->wall_ns == 1);
  CHECK(row_of(f.log, 7, 3 | FDR_NR_COMPAT, second(0))->wall_ns == 2);
}

TEST_CASE("summary log: a dead process's cells are freed after one more reading, and what it did last is kept") {
  Fixture f;
  f.read(0);
  count(f.window.summary(7, 0), second(0.5), 1);
  count(f.window.summary(7, 1), second(0.5), 1);
  count(f.window.summary(8, 0), second(0.5), 1);
  f.read(1, {7});
  CHECK(f.window.cells_in_use() == 3);
  count(f.window.summary(7, 0), second(1.1), 9);  // counted between its end and our reading of it
  f.read(2);
  CHECK(row_of(f.log, 7, 0, second(1))->wall_ns == 9);
  CHECK(f.window.cells_in_use() == 1);

  // The next one of that pid, in the cell that was freed, begins at zero.
  count(f.window.summary(7, 0), second(2.5), 4);
  CHECK(f.window.summary(7, 0).calls == 1);
  CHECK(f.window.summary(7, 0).histogram[0] == 1);
  f.read(3);
  REQUIRE(row_of(f.log, 7, 0, second(2)));
  CHECK(row_of(f.log, 7, 0, second(2))->calls == 1);
  CHECK(row_of(f.log, 7, 0, second(2))->wall_ns == 4);
  f.read(4);
  CHECK(f.window.cells_in_use() == 2);
}

TEST_CASE("summary log: processes that found no room are summed by number") {
  Fixture f;
  f.read(0);
  for (int i = 0; i < 5; ++i) count(f.window.others(9, i % 2), second(0.5), 100);
  f.read(1);
  REQUIRE(f.log.rows().size() == 1);
  CHECK(f.log.rows()[0].tgid == 0);
  CHECK(f.log.rows()[0].nr == 9);
  CHECK(f.log.rows()[0].calls == 5);
}

TEST_CASE("summary log: a second has a bounded number of rows, those with most calls; the sums stay exact") {
  Fixture f;
  f.read(0);
  constexpr std::uint32_t kProcesses = 600;
  std::uint64_t calls = 0;
  for (std::uint32_t tgid = 1; tgid <= kProcesses; ++tgid) {
    for (std::uint32_t i = 0; i < tgid; ++i) count(f.window.summary(tgid, tgid % 2), second(0.5), 3);
    calls += tgid;
  }
  f.read(1);
  CHECK(f.log.rows().size() == SummaryLog::kRowsPerSecond + 2);
  std::uint64_t sum = 0, wall = 0, others = 0;
  for (const SummaryRow& row : f.log.rows()) {
    sum += row.calls;
    wall += row.wall_ns;
    if (row.tgid == 0)
      ++others;
    else
      CHECK(row.tgid > kProcesses - SummaryLog::kRowsPerSecond);
  }
  CHECK(sum == calls);
  CHECK(wall == 3 * calls);
  CHECK(others == 2);
}

TEST_CASE("summary log: keeps its span") {
  Fixture f;
  f.read(0);
  for (int i = 0; i < 30; ++i) {
    count(f.window.summary(7, 0), second(i + 0.5), 1);
    f.read(i + 1);
  }
  CHECK(f.log.rows().size() <= 11);
  CHECK(f.log.rows().size() >= 10);
  CHECK(f.log.begin() == second(20));
  CHECK(f.log.rows().front().begin + f.log.rows().front().interval >= second(20));
}

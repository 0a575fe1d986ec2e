#include "recorder/history/movers.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

using namespace fdr;
using namespace std::chrono_literals;

namespace {

const Timestamp kStart = from_ns(1'000'000'000'000);

const HistoryMovers::Process* find(const HistoryMovers& movers, std::int32_t pid) {
  for (const auto& process : movers.processes)
    if (process.pid == pid) return &process;
  return nullptr;
}

}  // namespace

TEST_CASE("movers: rates since the look before, by who it is and not by the pid alone") {
  MoverTable table;
  table.saw({1, 10, "db", 100, 5e8, 1e6}, kStart);
  table.saw({2, 11, "old", 50, 1e6, 0}, kStart);
  HistoryMovers first = table.look(kStart, 7);
  CHECK(first.span == 0s);
  REQUIRE(find(first, 1));
  CHECK(find(first, 1)->cpu_percent == 0);

  table.saw({1, 10, "db", 105, 6e8, 3e6}, kStart + 10s);
  table.saw({2, 99, "new", 2, 2e6, 5e6}, kStart + 10s);  // the pid is another's now
  table.saw({1, 10, "db", 105, 6e8, 3e6}, kStart + 10s); // seen twice is once
  table.ended(3, "cc1", 4);
  const HistoryMovers second = table.look(kStart + 10s, 8);
  CHECK(second.span == 10s);
  CHECK(second.time_ns == 8);
  REQUIRE(second.processes.size() == 3);
  CHECK(second.processes[0].name == "db");
  CHECK(second.processes[0].cpu_percent == doctest::Approx(50).epsilon(0.001));
  CHECK(find(second, 1)->io_bytes_s == doctest::Approx(2e5).epsilon(0.001));
  CHECK(find(second, 2)->cpu_percent == doctest::Approx(20).epsilon(0.001));
  CHECK(find(second, 2)->io_bytes_s == doctest::Approx(5e5).epsilon(0.001));
  CHECK(find(second, 3)->ended);
  CHECK(find(second, 3)->cpu_percent == doctest::Approx(40).epsilon(0.001));
}

TEST_CASE("movers: the first few of each kind, idle ones not at all") {
  MoverTable table;
  table.look(kStart, 0);
  for (int i = 0; i < 200; ++i) table.saw({1000 + i, 1, "p", i < 100 ? double(i) / 100 : 0, i == 150 ? 9e9 : 0, i == 160 ? 1e9 : 0}, kStart + 10s);
  const HistoryMovers movers = table.look(kStart + 10s, 1);
  CHECK(movers.processes.size() == 5 + 1 + 1);
  for (const int pid : {1099, 1098, 1097, 1096, 1095, 1150, 1160}) CHECK(find(movers, pid));
  CHECK(table.look(kStart + 20s, 2).processes.empty());
}

TEST_CASE("movers: /proc is gone through a few processes a tick; this one is found, and one that ended by its ticks") {
  MoverWatch watch(10ms);
  fdr_ticks gone{};
  gone.start_boottime = 5;
  gone.ticks = 100;
  std::string("short").copy(gone.comm, sizeof gone.comm);
  const auto ticks = [&] { return MoverWatch::Ticks{{0x7ffffff0u, gone}}; };
  std::optional<HistoryMovers> movers;
  for (Timestamp now = kStart; !movers && now < kStart + 1h; now += 100ms) {
    volatile unsigned burnt = 0;
    for (unsigned i = 0; i < 100'000; ++i) burnt = burnt + i;
    movers = watch.advance(now, ticks);
    if (now > kStart + 9s) gone.ticks = 300;
  }
  REQUIRE(movers);
  CHECK(movers->span > 0s);
  REQUIRE(find(*movers, 0x7ffffff0));
  CHECK(find(*movers, 0x7ffffff0)->name == "short");
  CHECK(find(*movers, 0x7ffffff0)->cpu_percent == doctest::Approx(200 * 0.01 * 100 / to_seconds(movers->span)).epsilon(0.01));
}

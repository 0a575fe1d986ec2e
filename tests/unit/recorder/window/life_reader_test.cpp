#include "recorder/window/life_reader.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

void write_forks(MemoryWindow& window, std::uint64_t first, std::uint64_t last, std::uint32_t slot = 0) {
  for (std::uint64_t ns = first; ns <= last; ++ns)
    window.write(FDR_LIFE, slot, ns, life_record(life_event(FDR_LIFE_FORK, ns, 1, static_cast<std::uint32_t>(ns))));
}

std::vector<std::uint64_t> times(const std::vector<fdr_life>& events) {
  std::vector<std::uint64_t> found;
  for (const fdr_life& event : events) found.push_back(event.head.ns);
  return found;
}

bool is_run(const std::vector<std::uint64_t>& numbers, std::uint64_t first, std::uint64_t last) {
  if (numbers.size() != last - first + 1) return false;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] != first + i) return false;
  return true;
}

}  // namespace

TEST_CASE("life reader: each reading gives what is new, through chunk after chunk") {
  MemoryWindow window(MemoryWindow::small());
  LifeReader reader;
  CHECK(reader.read(window.view()).empty());
  std::uint64_t next = 1;
  for (const std::uint64_t count : {1u, 10u, 600u, 700u, 1u, 1200u, 900u, 0u}) {  // about 740 fill a chunk
    write_forks(window, next, next + count - 1);
    CHECK(is_run(times(reader.read(window.view())), next, next + count - 1));
    next += count;
  }
  CHECK(window.cursor(FDR_LIFE).seq > 4);
  CHECK(reader.lost_chunks() == 0);
}

TEST_CASE("life reader: short and long events are told apart; what a short one does not carry is empty") {
  MemoryWindow window(MemoryWindow::small());
  fdr_life exec = life_event(FDR_LIFE_EXEC, 5, 77, 100, 100, "sh");
  std::string("/usr/bin/sh").copy(exec.path, sizeof exec.path);
  window.write(FDR_LIFE, 0, 5, life_record(exec));
  window.write(FDR_LIFE, 0, 6, life_record(life_event(FDR_LIFE_EXIT, 6, 78, 101)));
  LifeReader reader;
  const auto events = reader.read(window.view());
  REQUIRE(events.size() == 2);
  CHECK(std::string(events[0].path) == "/usr/bin/sh");
  CHECK(std::string(events[0].comm) == "sh");
  CHECK(events[0].head.thread == 77);
  CHECK(events[1].head.kind == FDR_LIFE_EXIT);
  CHECK(events[1].tgid == 101);
  CHECK(events[1].path[0] == 0);
}

TEST_CASE("life reader: every CPU has its own place") {
  MemoryWindow window(MemoryWindow::small(3));
  LifeReader reader;
  write_forks(window, 1, 5, 0);
  write_forks(window, 11, 12, 2);
  CHECK(reader.read(window.view()).size() == 7);
  write_forks(window, 21, 23, 1);
  write_forks(window, 31, 31, 2);
  CHECK(times(reader.read(window.view())) == std::vector<std::uint64_t>{21, 22, 23, 31});
}

TEST_CASE("life reader: what was overwritten between two readings is counted, and reading goes on") {
  MemoryWindow window(MemoryWindow::small());
  LifeReader reader;
  write_forks(window, 1, 10);
  reader.read(window.view());
  write_forks(window, 11, 10'000);
  const std::uint64_t newest = window.cursor(FDR_LIFE).seq;
  REQUIRE(newest > 8);
  const auto numbers = times(reader.read(window.view()));
  REQUIRE(!numbers.empty());
  CHECK(is_run(numbers, numbers.front(), 10'000));
  CHECK(reader.lost_chunks() == newest - 4);  // the one begun and all up to the oldest left
  write_forks(window, 10'001, 10'002);
  CHECK(is_run(times(reader.read(window.view())), 10'001, 10'002));
  CHECK(reader.lost_chunks() == newest - 4);
}

TEST_CASE("life reader: a length that cannot be ends a chunk, not the reading") {
  for (const std::uint16_t len8 :
       {std::uint16_t{0}, std::uint16_t{2}, std::uint16_t{sizeof(fdr_life) / 8 + 1}, std::uint16_t{0xffff}}) {
    CAPTURE(len8);
    MemoryWindow window(MemoryWindow::small());
    write_forks(window, 1, 3);
    Bytes damaged = life_record(life_event(FDR_LIFE_FORK, 4, 1, 4));
    std::memcpy(damaged.data() + offsetof(fdr_record, len8), &len8, sizeof len8);
    window.write(FDR_LIFE, 0, 4, damaged);
    window.write(FDR_LIFE, 0, 5, life_record(life_event(FDR_LIFE_FORK, 5, 1, 5)));
    LifeReader reader;
    CHECK(times(reader.read(window.view())) == std::vector<std::uint64_t>{1, 2, 3});
    write_forks(window, 6, 7);
    CHECK(times(reader.read(window.view())) == std::vector<std::uint64_t>{6, 7});
  }
}

TEST_CASE("life reader: while a writer writes, every event comes once") {
  MemoryWindow window(MemoryWindow::small());
  constexpr std::uint64_t kLast = 2500;  // less than the ring holds
  std::atomic<bool> done{false};
  std::thread writer([&] {
    write_forks(window, 1, kLast);
    done = true;
  });
  LifeReader reader;
  std::vector<std::uint64_t> all;
  for (bool complete = false; !complete;) {
    complete = done;
    const auto numbers = times(reader.read(window.view()));
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  writer.join();
  CHECK(is_run(all, 1, kLast));
  CHECK(reader.lost_chunks() == 0);
}

#include "recorder/window/snapshot.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

// A record that tells whether it is whole: a number, words derived from it in a length derived from it, and their sum.
Bytes numbered_record(std::uint64_t number) {
  Bytes record;
  append(record, fdr_record{number, 0, 0, 0});
  std::uint64_t sum = number;
  for (std::uint64_t i = 0; i < 4 + number % 120; ++i) {
    const std::uint64_t word = (number + i) * 0x9e3779b97f4a7c15ull;
    append(record, word);
    sum += word;
  }
  append(record, sum);
  return sealed(record);
}

// Numbers of the records in a chunk from `skip` on; nothing where one is not whole.
std::optional<std::vector<std::uint64_t>> numbers_in(const ChunkCopy& copy) {
  std::vector<std::uint64_t> numbers;
  std::span<const std::uint8_t> rest = copy.body.subspan(copy.skip);
  while (!rest.empty()) {
    fdr_record head;
    if (rest.size() < sizeof head) return std::nullopt;
    std::memcpy(&head, rest.data(), sizeof head);
    const std::size_t length = std::size_t{head.len8} * 8;
    if (length < sizeof head || length > rest.size()) return std::nullopt;
    const Bytes expected = numbered_record(head.ns);
    if (expected.size() != length || std::memcmp(expected.data(), rest.data(), length) != 0) return std::nullopt;
    numbers.push_back(head.ns);
    rest = rest.subspan(length);
  }
  return numbers;
}

std::vector<std::uint64_t> numbers_in(const Snapshot& snapshot, int ring) {
  std::vector<std::uint64_t> all;
  for (const ChunkCopy& copy : snapshot.ring(ring).chunks) {
    const auto numbers = numbers_in(copy);
    REQUIRE(numbers);
    all.insert(all.end(), numbers->begin(), numbers->end());
  }
  return all;
}

// Records first..last of one ring and slot; time is the number.
void write_numbers(MemoryWindow& window, int ring, std::uint64_t first, std::uint64_t last, std::uint32_t slot = 0) {
  for (std::uint64_t number = first; number <= last; ++number)
    window.write(ring, slot, number, numbered_record(number));
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = first; number <= last; ++number) numbers.push_back(number);
  return numbers;
}

}  // namespace

TEST_CASE("snapshot: nothing was written, nothing is there") {
  MemoryWindow window(MemoryWindow::small(3));
  Snapshot snapshot(window.view().layout);
  const WindowMark mark = snapshot.take(window.view(), {});
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    CHECK(snapshot.ring(ring).chunks.empty());
    CHECK(snapshot.ring(ring).covers_since_ns == 0);
    CHECK(mark[ring].size() == 3);
  }
}

TEST_CASE("snapshot: a ring that has not wrapped is taken whole, each record once, in order") {
  MemoryWindow window(MemoryWindow::small());
  write_numbers(window, FDR_STALLS, 1, 250);
  REQUIRE(window.cursor(FDR_STALLS).seq > 1);
  REQUIRE(window.cursor(FDR_STALLS).seq < 4);
  Snapshot snapshot(window.view().layout);
  snapshot.take(window.view(), {});
  CHECK(numbers_in(snapshot, FDR_STALLS) == range(1, 250));
  CHECK(snapshot.ring(FDR_STALLS).covers_since_ns == 0);  // nothing is missing
  CHECK(snapshot.ring(FDR_STALLS).overtaken == 0);
  CHECK(snapshot.ring(FDR_STACKS).chunks.empty());
  CHECK(snapshot.ring(FDR_STALLS).chunks[0].cpu == 100);
}

TEST_CASE("snapshot: a ring that has wrapped holds the newest and says since when") {
  MemoryWindow window(MemoryWindow::small());
  write_numbers(window, FDR_STALLS, 1, 5000);
  Snapshot snapshot(window.view().layout);
  snapshot.take(window.view(), {});
  const auto numbers = numbers_in(snapshot, FDR_STALLS);
  REQUIRE(!numbers.empty());
  CHECK(numbers == range(numbers.front(), 5000));
  CHECK(numbers.front() > 4000);
  CHECK(snapshot.ring(FDR_STALLS).covers_since_ns == numbers.front());
  CHECK(snapshot.ring(FDR_STALLS).chunks.size() == 4);
}

TEST_CASE("snapshot: the CPU that kept least bounds what a ring covers") {
  MemoryWindow window(MemoryWindow::small(2));
  write_numbers(window, FDR_FAILED, 1, 2000, 0);
  write_numbers(window, FDR_FAILED, 1, 4000, 1);
  Snapshot snapshot(window.view().layout);
  snapshot.take(window.view(), {});
  std::uint64_t oldest[2] = {};
  for (const ChunkCopy& copy : snapshot.ring(FDR_FAILED).chunks)
    if (!oldest[copy.slot]) oldest[copy.slot] = copy.first_ns;
  REQUIRE(oldest[0] < oldest[1]);
  CHECK(snapshot.ring(FDR_FAILED).covers_since_ns == oldest[1]);
  CHECK(snapshot.ring(FDR_FAILED).chunks.back().cpu == 101);
}

TEST_CASE("snapshot: large chunks of stacks and small ones lie apart in the buffer") {
  MemoryWindow window(MemoryWindow::small(2));
  for (int ring = 0; ring < FDR_RINGS; ++ring)
    for (std::uint32_t slot = 0; slot < 2; ++slot)
      write_numbers(window, ring, 1 + 10'000 * ring, 3000 + 10'000 * ring, slot);
  Snapshot snapshot(window.view().layout);
  snapshot.take(window.view(), {});
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    CAPTURE(ring);
    const auto numbers = numbers_in(snapshot, ring);  // checks every record
    CHECK(numbers.back() == 3000u + 10'000u * ring);
    CHECK(std::set<std::uint64_t>(numbers.begin(), numbers.end()).size() * 2 == numbers.size());
  }
}

TEST_CASE("snapshot: a second one takes only what is new of a half-filled chunk, and loses nothing") {
  MemoryWindow window(MemoryWindow::small());
  Snapshot first(window.view().layout), second(window.view().layout), third(window.view().layout);
  write_numbers(window, FDR_SLOW, 1, 30);
  WindowMark mark = first.take(window.view(), {});
  CHECK(numbers_in(first, FDR_SLOW) == range(1, 30));

  write_numbers(window, FDR_SLOW, 31, 35);
  mark = second.take(window.view(), mark);
  CHECK(numbers_in(second, FDR_SLOW) == range(31, 35));
  CHECK(second.ring(FDR_SLOW).chunks.at(0).skip > 0);

  write_numbers(window, FDR_SLOW, 36, 200);  // into the next chunks
  REQUIRE(window.cursor(FDR_SLOW).seq > 1);
  REQUIRE(window.cursor(FDR_SLOW).seq <= 4);
  mark = third.take(window.view(), mark);
  CHECK(numbers_in(third, FDR_SLOW) == range(36, 200));
  CHECK(third.ring(FDR_SLOW).covers_since_ns == 0);

  mark = first.take(window.view(), mark);  // the buffer is reused
  CHECK(numbers_in(first, FDR_SLOW).empty());
}

TEST_CASE("snapshot: a second one says what was overwritten since the first, and only that") {
  MemoryWindow window(MemoryWindow::small());
  Snapshot snapshot(window.view().layout);
  write_numbers(window, FDR_SLOW, 1, 5000);
  const WindowMark mark = snapshot.take(window.view(), {});
  CHECK(snapshot.ring(FDR_SLOW).covers_since_ns > 0);

  write_numbers(window, FDR_SLOW, 5001, 5010);
  const WindowMark after = snapshot.take(window.view(), mark);
  CHECK(numbers_in(snapshot, FDR_SLOW) == range(5001, 5010));
  CHECK(snapshot.ring(FDR_SLOW).covers_since_ns == 0);  // what is older was in the first one

  write_numbers(window, FDR_SLOW, 5011, 9000);
  snapshot.take(window.view(), after);
  const auto numbers = numbers_in(snapshot, FDR_SLOW);
  CHECK(numbers == range(numbers.front(), 9000));
  CHECK(numbers.front() > 5011);
  CHECK(snapshot.ring(FDR_SLOW).covers_since_ns == numbers.front());
}

TEST_CASE("snapshot: a chunk that was recycled before it was read is counted, not taken for the older one") {
  MemoryWindow window(MemoryWindow::small());
  write_numbers(window, FDR_STALLS, 1, 2000);
  // The cursor as it was when the reader looked; meanwhile the writer went one chunk on.
  const fdr_cursor before = window.cursor(FDR_STALLS);
  for (std::uint64_t number = 2001; window.cursor(FDR_STALLS).seq == before.seq; ++number)
    write_numbers(window, FDR_STALLS, number, number);
  window.cursor(FDR_STALLS) = before;
  Snapshot snapshot(window.view().layout);
  snapshot.take(window.view(), {});
  CHECK(snapshot.ring(FDR_STALLS).overtaken == 1);
  CHECK(snapshot.ring(FDR_STALLS).chunks.size() == 3);
  const auto numbers = numbers_in(snapshot, FDR_STALLS);
  CHECK(numbers == range(numbers.front(), numbers.back()));
  CHECK(snapshot.ring(FDR_STALLS).covers_since_ns == numbers.front());
}

TEST_CASE("snapshot: a length that a chunk cannot have is refused") {
  MemoryWindow window(MemoryWindow::small());
  write_numbers(window, FDR_STALLS, 1, 10);
  const std::uint32_t body = FDR_CHUNK_BYTES - FDR_CHUNK_HEADER;
  window.chunk(FDR_STALLS, 0, 1)->used = body + 8;
  Snapshot snapshot(window.view().layout);
  snapshot.take(window.view(), {});
  CHECK(snapshot.ring(FDR_STALLS).chunks.empty());
  CHECK(snapshot.ring(FDR_STALLS).overtaken == 1);

  Bytes room(body);
  ChunkCopy copy;
  CHECK(!copy_chunk(window.chunk(FDR_STALLS, 0, 1), 1, body, room.data(), copy));
  window.chunk(FDR_STALLS, 0, 1)->used = body;
  CHECK(copy_chunk(window.chunk(FDR_STALLS, 0, 1), 1, body, room.data(), copy));
  CHECK(copy.body.size() == body);
  CHECK(!copy_chunk(window.chunk(FDR_STALLS, 0, 1), 5, body, room.data(), copy));
}

namespace overtaking {

// The writer comes exactly in the middle of the copy: the second page of the chunk is locked, and whoever touches it
// finds the chunk recycled by the time it opens.
std::uint8_t* page = nullptr;
fdr_chunk_header* chunk = nullptr;

void on_fault(int, siginfo_t* fault, void*) {
  if (fault->si_addr < page || fault->si_addr >= page + 4096) ::_exit(1);
  ::mprotect(page, 4096, PROT_READ | PROT_WRITE);
  __atomic_store_n(&chunk->used, 0u, __ATOMIC_RELEASE);
  __atomic_store_n(&chunk->seq, chunk->seq + 4, __ATOMIC_RELEASE);
  std::memset(page, 0xee, 4096);
}

}  // namespace overtaking

TEST_CASE("snapshot: a chunk that is recycled in the middle of the copy is not taken") {
  void* const memory = ::mmap(nullptr, FDR_CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  auto* const chunk = static_cast<fdr_chunk_header*>(memory);
  chunk->seq = 7;
  chunk->used = 8192;
  Bytes room(FDR_CHUNK_BYTES);
  ChunkCopy copy;
  CHECK(copy_chunk(chunk, 7, FDR_CHUNK_BYTES - FDR_CHUNK_HEADER, room.data(), copy));

  overtaking::chunk = chunk;
  overtaking::page = static_cast<std::uint8_t*>(memory) + 4096;
  struct sigaction action {
  }, before{};
  action.sa_sigaction = overtaking::on_fault;
  action.sa_flags = SA_SIGINFO;
  REQUIRE(::sigaction(SIGSEGV, &action, &before) == 0);
  REQUIRE(::mprotect(overtaking::page, 4096, PROT_NONE) == 0);
  const bool taken = copy_chunk(chunk, 7, FDR_CHUNK_BYTES - FDR_CHUNK_HEADER, room.data(), copy);
  ::sigaction(SIGSEGV, &before, nullptr);
  CHECK(chunk->seq == 11);  // it happened
  CHECK(!taken);
  ::munmap(memory, FDR_CHUNK_BYTES);
}

TEST_CASE("snapshot: taken while a writer recycles chunks as fast as it can, every record is whole") {
  MemoryWindow window(MemoryWindow::small());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t number = 1; !stop; ++number) window.write(FDR_STALLS, 0, number, numbered_record(number));
  });
  Snapshot snapshot(window.view().layout);
  WindowMark mark{};
  std::uint64_t last = 0, records = 0, broken = 0, disorder = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (int round = 0; (round < 300 || records < 5000) && std::chrono::steady_clock::now() < deadline; ++round) {
    mark = snapshot.take(window.view(), mark);
    for (const ChunkCopy& copy : snapshot.ring(FDR_STALLS).chunks) {
      const auto numbers = numbers_in(copy);
      broken += !numbers;
      if (!numbers) continue;
      for (const std::uint64_t number : *numbers) {
        disorder += number <= last;  // each once, over all snapshots
        last = number;
        ++records;
      }
    }
  }
  stop = true;
  writer.join();
  CHECK(broken == 0);
  CHECK(disorder == 0);
  CHECK(records >= 5000);
}

TEST_CASE(
    "snapshot: taken one after the other while a writer fills the ring once, nothing is lost and nothing comes twice") {
  MemoryWindow window(MemoryWindow::small());
  constexpr std::uint64_t kLast = 400;  // fits the ring
  std::atomic<std::uint64_t> written{0};
  std::thread writer([&] {
    for (std::uint64_t number = 1; number <= kLast; ++number) {
      window.write(FDR_STALLS, 0, number, numbered_record(number));
      written = number;
    }
  });
  Snapshot snapshot(window.view().layout);
  WindowMark mark{};
  std::vector<std::uint64_t> all;
  for (bool complete = false; !complete;) {
    complete = written == kLast;  // then this one is the last
    mark = snapshot.take(window.view(), mark);
    const auto numbers = numbers_in(snapshot, FDR_STALLS);
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  writer.join();
  REQUIRE(window.cursor(FDR_STALLS).seq <= 4);
  CHECK(all == range(1, kLast));
}

TEST_CASE("recent: of the rings that are asked for what is newer, and how far back that goes") {
  MemoryWindow window(MemoryWindow::small(2, 16));
  write_numbers(window, FDR_STALLS, 1, 2000, 0);
  write_numbers(window, FDR_STALLS, 1500, 2000, 1);
  write_numbers(window, FDR_SLOW, 1, 100);
  constexpr std::array kRings = {+FDR_STALLS};
  Snapshot snapshot;
  snapshot.take_recent(window.view(), kRings, 1000, 64u << 20);
  CHECK(snapshot.ring(FDR_STALLS).covers_since_ns == 0);  // all that was asked for
  CHECK(snapshot.ring(FDR_SLOW).chunks.empty());
  std::vector<std::uint64_t> numbers = numbers_in(snapshot, FDR_STALLS);
  for (std::uint64_t number = 1000; number <= 2000; ++number) CHECK(std::count(numbers.begin(), numbers.end(), number) == (number < 1500 ? 1 : 2));
  CHECK(numbers.size() < 2501);  // not all that there is

  Snapshot small;
  small.take_recent(window.view(), kRings, 1, 1);  // the newest chunks go along whatever they take
  const std::uint64_t covers = small.ring(FDR_STALLS).covers_since_ns;
  CHECK(covers > 1);
  CHECK(covers < 2000);
  numbers = numbers_in(small, FDR_STALLS);
  for (std::uint64_t number = covers; number <= 2000; ++number) CHECK(std::count(numbers.begin(), numbers.end(), number) >= 1);
  const Snapshot moved = std::move(small);
  CHECK(numbers_in(moved, FDR_STALLS) == numbers);
}

TEST_CASE("recent: what was overwritten is not covered") {
  MemoryWindow window(MemoryWindow::small(1, 4));
  write_numbers(window, FDR_STALLS, 1, 5000);
  constexpr std::array kRings = {+FDR_STALLS};
  Snapshot snapshot;
  snapshot.take_recent(window.view(), kRings, 1, 64u << 20);
  const std::uint64_t covers = snapshot.ring(FDR_STALLS).covers_since_ns;
  CHECK(covers > 1);
  CHECK(numbers_in(snapshot, FDR_STALLS) == range(covers, 5000));
}

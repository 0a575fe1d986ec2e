#include "unwind/live/sleeping_thread.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "unwind/copy_walker.hpp"
#include "unwind/live/page_map.hpp"

using namespace fdr;

namespace {

// Sleeps in read(2) until the pipe is closed at its other end. The call itself, not libc's: sanitizers put frames of their own around that
// one, which need the rbp that is not told.
[[gnu::noinline, gnu::no_sanitize_address, gnu::no_sanitize_undefined, gnu::optimize("O1", "omit-frame-pointer")]] void sleep_in_a_read(int pipe) {
  static char byte;
  long result = SYS_read;
  asm volatile("syscall" : "+a"(result) : "D"(static_cast<long>(pipe)), "S"(&byte), "d"(1L) : "rcx", "r11", "memory");
}

struct Sleeper {
  Sleeper() {
    REQUIRE(::pipe(ends) == 0);
    thread = std::thread([this] {
      tid = static_cast<int>(::syscall(SYS_gettid));
      sleep_in_a_read(ends[0]);
    });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline && !(tid && sleeping_place(::getpid(), tid))) std::this_thread::yield();
  }
  ~Sleeper() {
    ::close(ends[1]);
    thread.join();
    ::close(ends[0]);
  }
  int ends[2];
  std::atomic<int> tid = 0;
  std::thread thread;
};

}  // namespace

TEST_CASE("a sleeping thread: its stack is read without stopping it") {
  Sleeper sleeper;
  const auto place = sleeping_place(::getpid(), sleeper.tid);
  REQUIRE(place);
  std::ostringstream maps;
  maps << std::ifstream("/proc/self/maps").rdbuf();
  AddressSpace space;
  for (Mapping& mapping : parse_maps(maps.str())) space.add(std::move(mapping));
  ModuleFiles files;
  CopyWalker walker(files);
  RemoteWords words;
  const auto walk = [&] { return walker.walk(space, UserRegisters{.ip = place->ip, .sp = place->sp}, words, Timestamp{}); };
  WalkedStack walked = walk();
  for (int asked = 0; words.wanted(); ++asked) {
    REQUIRE(asked < static_cast<int>(RemoteWords::kMaxPages));
    const std::uint64_t page = *words.wanted();
    words.give(page, std::move(read_pages(::getpid(), {&page, 1})[0]));
    walked = walk();
  }
  CHECK(sleeping_place(::getpid(), sleeper.tid) == place);
  const auto begin = reinterpret_cast<std::uint64_t>(&sleep_in_a_read);
  CHECK(std::any_of(walked.frames.begin(), walked.frames.end(),
                    [&](const FrameAddress& frame) { return frame.lookup() >= begin && frame.lookup() < begin + 4096; }));
  CHECK(walked.frames.size() >= 2);
  CHECK(walked.frames[0].address == place->ip);
}

TEST_CASE("a thread that is not there sleeps nowhere") {
  CHECK_FALSE(sleeping_place(::getpid(), 0x3fffffff));
}

TEST_CASE("pages: those that are there, and nothing of the others") {
  std::vector<std::uint8_t> bytes(2 * kPageBytes, 7);
  const std::uint64_t inside = reinterpret_cast<std::uint64_t>(bytes.data()) / kPageBytes + 1;
  const auto pages = read_pages(::getpid(), std::vector<std::uint64_t>{inside, 0, inside});
  REQUIRE(pages.size() == 3);
  CHECK(pages[0].size() == kPageBytes);
  CHECK(pages[0][0] == 7);
  CHECK(pages[1].empty());
  CHECK(pages[2] == pages[0]);
  CHECK(read_pages(1 << 30, std::vector<std::uint64_t>{inside})[0].empty());
}

TEST_CASE("remote words: aligned ones of pages that were given, the first other one is wanted, and no more than so many") {
  RemoteWords words;
  std::uint64_t read = 0;
  constexpr std::uint64_t kAt = 5 * kPageBytes + 8;
  CHECK_FALSE(words(kAt, &read));
  CHECK_FALSE(words(9 * kPageBytes, &read));
  CHECK(words.wanted() == 5);
  std::vector<std::uint8_t> bytes(kPageBytes);
  bytes[8] = 0x77;
  words.give(5, bytes);
  CHECK_FALSE(words.wanted());
  REQUIRE(words(kAt, &read));
  CHECK(read == 0x77);
  CHECK_FALSE(words(kAt + 4, &read));
  CHECK_FALSE(words.wanted());
  words.give(6, {});
  CHECK_FALSE(words(6 * kPageBytes, &read));
  CHECK_FALSE(words.wanted());  // it is not to be had
  for (std::uint64_t page = 7; page < 5 + RemoteWords::kMaxPages; ++page) {
    CHECK_FALSE(words(page * kPageBytes, &read));
    REQUIRE(words.wanted() == page);
    words.give(page, bytes);
  }
  CHECK_FALSE(words(100 * kPageBytes, &read));
  CHECK_FALSE(words.wanted());
}

#include "unwind/sleeping_thread.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "unwind/copy_walker.hpp"

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
  RemoteWords words(::getpid());
  const WalkedStack walked = walker.walk(space, UserRegisters{.ip = place->ip, .sp = place->sp}, words, Timestamp{});
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

TEST_CASE("remote words: aligned ones of pages that are there, and no more than so many pages") {
  RemoteWords words(::getpid());
  alignas(8) std::uint64_t value = 0x1122334455667788, read = 0;
  const auto address = reinterpret_cast<std::uint64_t>(&value);
  REQUIRE(words(address, &read));
  CHECK(read == value);
  CHECK_FALSE(words(address + 4, &read));
  CHECK_FALSE(words(8, &read));
  std::vector<std::uint64_t> large(512 * (RemoteWords::kMaxPages + 4), 7);
  std::size_t pages = 0;
  for (std::size_t i = 0; i < large.size(); i += 512) pages += words(reinterpret_cast<std::uint64_t>(&large[i]), &read);
  CHECK(pages <= RemoteWords::kMaxPages);
  CHECK(pages >= RemoteWords::kMaxPages - 4);
}

#include "recorder/decode/sleeping_walks.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <sstream>
#include <thread>

#include "recorder/system/patience.hpp"
#include "recorder/targets/patient_memory.hpp"

using namespace fdr;

namespace {

// Sleeps in read(2) until the pipe is closed at its other end.
struct Sleeper {
  Sleeper() {
    REQUIRE(::pipe(ends) == 0);
    thread = std::thread([this] {
      tid = static_cast<int>(::syscall(SYS_gettid));
      char byte;
      [[maybe_unused]] const ssize_t got = ::read(ends[0], &byte, 1);
    });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const auto asleep = [&] {
      const auto place = tid ? sleeping_place(::getpid(), tid) : std::nullopt;
      return place && place->syscall == SYS_read;
    };
    while (std::chrono::steady_clock::now() < deadline && !asleep()) std::this_thread::yield();
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

struct Fixture {
  AddressSpace space;
  ModuleFiles files;
  CopyWalker walker{files};

  Fixture() {
    std::ostringstream maps;
    maps << std::ifstream("/proc/self/maps").rdbuf();
    for (Mapping& mapping : parse_maps(maps.str())) space.add(std::move(mapping));
  }
  auto walk(const std::vector<std::int32_t>& tids) { return walk_sleeping(walker, ::getpid(), tids, space, Timestamp{}); }
};

}  // namespace

TEST_CASE("walks of sleeping threads: each of those that sleep, from its own place; nothing of the others") {
  Fixture f;
  Sleeper one, other;
  const auto running = static_cast<std::int32_t>(::syscall(SYS_gettid));  // waits for its reads, but for them
  const auto walks = f.walk({one.tid, 0x3fffffff, other.tid, running});
  REQUIRE(walks.size() == 4);
  for (const std::size_t i : {0u, 2u}) {
    REQUIRE(walks[i]);
    CHECK(walks[i]->place == sleeping_place(::getpid(), i ? other.tid : one.tid));
    CHECK(walks[i]->place.syscall == SYS_read);
    CHECK(walks[i]->walked.frames.size() >= 2);
    CHECK(walks[i]->walked.frames[0].address == walks[i]->place.ip);
  }
  CHECK_FALSE(walks[1]);
}

TEST_CASE("walks of sleeping threads: none of a process whose memory is locked") {
  Fixture f;
  Sleeper sleeper;
  const auto release = std::make_shared<std::promise<void>>();
  CHECK_FALSE(with_memory_of(::getpid(), [gate = std::make_shared<std::future<void>>(release->get_future())] { gate->wait(); }));
  CHECK_FALSE(f.walk({sleeper.tid})[0]);
  release->set_value();
  while (!awaited().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(f.walk({sleeper.tid})[0]);
}

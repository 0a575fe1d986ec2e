#include "recorder/targets/patient_memory.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "formats/file_descriptor.hpp"
#include "recorder/system/patience.hpp"
#include "recorder/system/patient_read.hpp"

using namespace fdr;

namespace {

std::uint64_t address_of(const void* at) { return reinterpret_cast<std::uint64_t>(at); }

void wait_for_all() {
  while (!awaited().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Two pages: the first is there, who reads the second waits until somebody gives it. Not everybody may make such memory.
class Withheld {
 public:
  Withheld() : faults_(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK))) {
    memory_ = static_cast<std::uint64_t*>(::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(memory_ != MAP_FAILED);
    *memory_ = 11;
    uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
    uffdio_register range{.range = {address_of(second()), kPage}, .mode = UFFDIO_REGISTER_MODE_MISSING, .ioctls = 0};
    ready_ = faults_.valid() && ::ioctl(faults_.get(), UFFDIO_API, &api) == 0 && ::ioctl(faults_.get(), UFFDIO_REGISTER, &range) == 0;
  }
  ~Withheld() { ::munmap(memory_, 2 * kPage); }
  Withheld(const Withheld&) = delete;

  bool ready() const { return ready_; }
  const std::uint64_t* first() const { return memory_; }
  std::uint64_t* second() const { return memory_ + kPage / sizeof *memory_; }
  void give() {
    uffdio_zeropage zero{.range = {address_of(second()), kPage}, .mode = 0, .zeropage = 0};
    REQUIRE(::ioctl(faults_.get(), UFFDIO_ZEROPAGE, &zero) == 0);
  }

 private:
  static constexpr std::size_t kPage = 4096;
  FileDescriptor faults_;
  std::uint64_t* memory_ = nullptr;
  bool ready_ = false;
};

}  // namespace

TEST_CASE("patient memory: what memory_of() reads, in slices") {
  const RemoteMemory memory = patient_memory_of(::getpid());
  std::vector<std::uint64_t> from(3000), to(3000, 5);
  for (std::uint64_t i = 0; i < from.size(); ++i) from[i] = i + 10;
  std::vector<RemotePart> parts;
  for (std::size_t i = 0; i < from.size(); ++i) parts.push_back({address_of(&from[i]), {reinterpret_cast<std::uint8_t*>(&to[i]), 8}});
  parts[1700].address = 16;
  memory(parts);
  CHECK(to[1700] == 5);  // left as it was
  from[1700] = 5;
  CHECK(to == from);
  for (std::size_t i = 0; i < parts.size(); ++i) REQUIRE(parts[i].whole == (i != 1700));

  std::vector<std::uint8_t> large(5u << 20, 3), copy(large.size());
  RemotePart part{address_of(large.data()), copy};
  memory({&part, 1});
  CHECK(part.whole);
  CHECK(copy == large);
  CHECK(!read_remote<std::uint64_t>(patient_memory_of(1 << 30), address_of(&from[0])));
}

TEST_CASE("patient memory: while one read of a process's memory is waited for, none other is begun") {
  const std::uint64_t word = 7;
  const auto release = std::make_shared<std::promise<void>>();
  CHECK_FALSE(with_memory_of(::getpid(), [gate = std::make_shared<std::future<void>>(release->get_future())] { gate->wait(); }));
  REQUIRE(awaited().size() == 1);
  CHECK(awaited()[0].starts_with("the memory of process " + std::to_string(::getpid()) + " is locked"));
  CHECK_FALSE(read_patiently(::getpid(), "maps", 1 << 20));
  CHECK_FALSE(memory_answers(::getpid()));
  CHECK(memory_answers(::getppid()));
  const RemoteMemory memory = patient_memory_of(::getpid());
  CHECK(!read_remote<std::uint64_t>(memory, address_of(&word)));
  release->set_value();
  wait_for_all();
  CHECK(memory_answers(::getpid()));
  CHECK(!read_remote<std::uint64_t>(memory, address_of(&word)));  // it gave up
  CHECK(read_remote<std::uint64_t>(patient_memory_of(::getpid()), address_of(&word)) == 7);
  CHECK(read_patiently(::getpid(), "maps", 1 << 20));
}

TEST_CASE("patient memory: a page that nobody gives holds nobody up") {
  Withheld withheld;
  if (!withheld.ready()) {
    MESSAGE("userfaultfd(2) is not to be had: skipped");
    return;
  }
  const RemoteMemory memory = patient_memory_of(::getpid());
  CHECK(read_remote<std::uint64_t>(memory, address_of(withheld.first())) == 11);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(!read_remote<std::uint64_t>(memory, address_of(withheld.second())));
  const auto first = std::chrono::steady_clock::now() - begin;
  for (int i = 0; i < 1000; ++i) CHECK(!read_remote<std::uint64_t>(memory, address_of(withheld.second())));
  CHECK(std::chrono::steady_clock::now() - begin < first + std::chrono::seconds(5));  // one wait, not a thousand
  CHECK(awaited().size() == 1);
  withheld.give();
  wait_for_all();
  CHECK(read_remote<std::uint64_t>(patient_memory_of(::getpid()), address_of(withheld.second())) == 0);
}

TEST_CASE("patient memory: the time of reads counts for who asked") {
  const Duration begin = cpu_time_with_reads();
  REQUIRE(with_memory_of(::getpid(), [] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    volatile std::uint64_t turns = 0;
    while (std::chrono::steady_clock::now() < end) turns = turns + 1;
  }));
  CHECK(cpu_time_with_reads() - begin > std::chrono::microseconds(200));
}

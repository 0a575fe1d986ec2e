#include "unwind/live/remote_memory.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <vector>

using namespace fdr;

namespace {

std::uint64_t address_of(const void* at) { return reinterpret_cast<std::uint64_t>(at); }

}  // namespace

TEST_CASE("what can be read is read, around what cannot") {
  const RemoteMemory memory = memory_of(::getpid());
  const std::array<std::uint64_t, 3> words = {11, 22, 33};
  CHECK(read_remote<std::uint64_t>(memory, address_of(&words[1])) == 22);
  CHECK(!read_remote<std::uint64_t>(memory, 16));

  std::array<std::uint64_t, 5> got{};
  std::vector<RemotePart> parts;
  for (const std::uint64_t address : {address_of(&words[0]), std::uint64_t{8}, address_of(&words[1]), ~std::uint64_t{7}, address_of(&words[2])})
    parts.push_back({address, {reinterpret_cast<std::uint8_t*>(&got[parts.size()]), 8}});
  memory(parts);
  CHECK(got == std::array<std::uint64_t, 5>{11, 0, 22, 0, 33});
  CHECK(parts[0].whole);
  CHECK(!parts[1].whole);
  CHECK(parts[2].whole);
  CHECK(!parts[3].whole);
  CHECK(parts[4].whole);
}

TEST_CASE("more parts than one call takes, one of them across the end of what is mapped") {
  const long page = ::sysconf(_SC_PAGESIZE);
  void* const mapped = ::mmap(nullptr, static_cast<std::size_t>(2 * page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(mapped != MAP_FAILED);
  REQUIRE(::munmap(static_cast<char*>(mapped) + page, static_cast<std::size_t>(page)) == 0);
  std::vector<std::uint32_t> from(3000), to(3000);
  for (std::uint32_t i = 0; i < from.size(); ++i) from[i] = i + 1;
  std::vector<RemotePart> parts;
  for (std::size_t i = 0; i < from.size(); ++i)
    parts.push_back({address_of(&from[i]), {reinterpret_cast<std::uint8_t*>(&to[i]), 4}});
  parts[1500].address = address_of(mapped) + static_cast<std::uint64_t>(page) - 2;
  memory_of(::getpid())(parts);
  from[1500] = to[1500];
  CHECK(to == from);
  for (std::size_t i = 0; i < parts.size(); ++i) CHECK(parts[i].whole == (i != 1500));
  ::munmap(mapped, static_cast<std::size_t>(page));
}

TEST_CASE("a process that is not there has no memory") {
  const std::uint64_t word = 5;
  CHECK(!read_remote<std::uint64_t>(memory_of(1 << 30), address_of(&word)));
}

#include "recorder/decode/growth_ledger.hpp"

#include <doctest/doctest.h>

namespace fdr {
namespace {

using namespace std::chrono_literals;

Growth grew(int second, std::uint32_t thread, std::uint64_t address) {
  Growth growth;
  growth.time = Timestamp{} + std::chrono::seconds(second);
  growth.thread = thread;
  growth.address = address;
  growth.bytes = 1 << 18;
  return growth;
}
GaveBack gave(int second, std::uint32_t process, std::uint64_t address, std::uint64_t length) {
  return {Timestamp{} + std::chrono::seconds(second), process, address, length};
}

// Threads 0 and 1 are of process 0, thread 2 of process 1.
std::vector<bool> held(std::vector<Growth> growth, std::vector<GaveBack> back) {
  settle(growth, back, [](std::uint32_t thread) { return thread / 2; });
  std::vector<bool> result;
  for (const Growth& one : growth) result.push_back(!one.given_back);
  return result;
}

}  // namespace

TEST_CASE("growth: what was given back later, and lies in the range, is no longer held") {
  CHECK(held({grew(1, 0, 0x1000), grew(2, 1, 0x2000), grew(3, 0, 0x3000)}, {gave(4, 0, 0x1000, 0x2000)}) ==
        std::vector{false, false, true});
  CHECK(held({grew(1, 0, 0x1000)}, {gave(2, 0, 0x1001, 0x1000)}) == std::vector{true});
}

TEST_CASE("growth: an address that came back is held by who touched it last") {
  CHECK(held({grew(1, 0, 0x1000), grew(3, 0, 0x1000)}, {gave(2, 0, 0, 0x10000)}) == std::vector{false, true});
  std::vector<Growth> growth{grew(1, 0, 0x1000)};
  std::vector<GaveBack> back{gave(9, 0, 0x1000, 1), gave(2, 0, 0x1000, 1)};
  settle(growth, back, [](std::uint32_t) { return 0u; });
  CHECK(growth[0].given_back == Timestamp{} + 2s);
}

TEST_CASE("growth: other processes, unknown addresses and unknown threads are left alone; lengths saturate") {
  CHECK(held({grew(1, 0, 0x1000), grew(1, 2, 0x1000)}, {gave(2, 1, 0x1000, 0x1000)}) == std::vector{true, false});
  CHECK(held({grew(1, 0, 0), grew(1, kNoIndex, 0x1000)}, {gave(2, 0, 0, UINT64_MAX)}) == std::vector{true, true});
  CHECK(held({grew(1, 0, UINT64_MAX - 1)}, {gave(2, 0, 0x1000, UINT64_MAX)}) == std::vector{false});
}

}  // namespace fdr

#include "recorder/decode/failing.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <string>

using namespace fdr;

namespace {

constexpr unsigned kShift = 36;
constexpr std::uint64_t kEpoch = 1ull << kShift;

// What the programs do with a path (failing.bpf.c), for as many names.
void add_names(fdr_failing_part& part, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t hash = 0xcbf29ce484222325ull;
    for (const char c : "/srv/." + std::to_string(i)) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ull;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdull;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53ull;
    hash ^= hash >> 33;
    std::uint8_t& place = part.registers[hash & (FDR_SKETCH - 1)];
    const auto bits = static_cast<std::uint32_t>(hash >> 32);
    place = std::max<std::uint8_t>(place, static_cast<std::uint8_t>(std::min(32, std::countr_zero(bits) + 1)));
  }
}

struct Entry : std::pair<fdr_failing_key, fdr_failing> {
  Entry() : pair({}, {}) {
    std::strcpy(first.comm, "curl");
    first.nr = 21;
    first.error = 2;
    std::strcpy(second.path, "/srv/.17");
    second.path_length = 8;
    second.directory_length = 5;
    std::strcpy(second.ancestors[0], "xargs");
    std::strcpy(second.ancestors[1], "checker");
    second.tgid = 4711;
    second.first_ns = 10 * kEpoch;
    second.last_ns = 10 * kEpoch + 5;
    second.parts[0].epoch = 10;
    second.parts[0].calls = 5000;
    second.parts[1].epoch = 0xffffffff;
  }
};

std::vector<FailedSum> decoded(const Entry& entry, std::uint64_t begin_ns = 10 * kEpoch) { return decode_failing({entry}, from_ns(begin_ns), kShift); }

}  // namespace

TEST_CASE("failing: distinct names are estimated within a fifth, from few to millions") {
  for (const std::uint64_t count : {1u, 10u, 200u, 2'000u, 50'000u, 1'000'000u}) {
    fdr_failing_part part{};
    add_names(part, count);
    const double estimate = sketch_estimate(std::span<const std::uint8_t, FDR_SKETCH>(part.registers));
    CAPTURE(count);
    CAPTURE(estimate);
    CHECK(estimate > 0.8 * static_cast<double>(count));
    CHECK(estimate < 1.2 * static_cast<double>(count));
  }
  CHECK(sketch_estimate(std::span<const std::uint8_t, FDR_SKETCH>(fdr_failing_part{}.registers)) == 0);
}

TEST_CASE("failing: an entry is a row that says who, for whom, where and what") {
  Entry entry;
  add_names(entry.second.parts[0], 3000);
  const auto sums = decoded(entry);
  REQUIRE(sums.size() == 1);
  const FailedSum& sum = sums[0];
  CHECK(sum.process == "curl");
  CHECK(sum.pid == 4711);
  CHECK(sum.ancestors == std::vector<std::string>{"xargs", "checker"});
  CHECK(sum.number == 21);
  CHECK(sum.error == 2);
  CHECK(sum.directory == "/srv/");
  CHECK(sum.example == "/srv/.17");
  CHECK(sum.calls == 5000);
  CHECK(sum.distinct > 2400);
  CHECK(sum.distinct < 3600);
  CHECK_FALSE(sum.of_target);
}

TEST_CASE("failing: only what reaches into the window counts, and never more names than calls") {
  Entry entry;
  add_names(entry.second.parts[0], 3000);
  entry.second.parts[1].epoch = 9;
  entry.second.parts[1].calls = 70;
  CHECK(decoded(entry, 10 * kEpoch)[0].calls == 5000);  // the other part ended before the window began
  CHECK(decoded(entry, 10 * kEpoch - 1)[0].calls == 5070);
  CHECK(decoded(entry, 10 * kEpoch + 6).empty());       // nothing failed since
  entry.second.parts[0].calls = 40;
  CHECK(decoded(entry)[0].distinct == 40);
}

TEST_CASE("failing: lengths and names that cannot be are bounded") {
  Entry entry;
  entry.second.directory_length = 0xffffffff;
  entry.second.path_length = 0xffffffff;
  std::memset(entry.second.path, 'x', sizeof entry.second.path);
  std::memset(entry.first.comm, 'y', sizeof entry.first.comm);
  std::memset(entry.second.ancestors, 'z', sizeof entry.second.ancestors);
  std::memset(entry.second.parts[0].registers, 0xff, FDR_SKETCH);
  const auto sums = decoded(entry);
  REQUIRE(sums.size() == 1);
  CHECK(sums[0].example.size() == FDR_FAILING_PATH);
  CHECK(sums[0].directory.size() == FDR_FAILING_PATH);
  CHECK(sums[0].process.size() == 16);
  CHECK(sums[0].ancestors.size() == FDR_ANCESTORS);
  CHECK(sums[0].ancestors[0].size() == 16);
  CHECK(sums[0].distinct <= sums[0].calls);
}

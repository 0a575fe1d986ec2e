#include "recorder/window/layout.hpp"

#include <doctest/doctest.h>

#include <charconv>
#include <optional>

#include "formats/error.hpp"
#include "formats/text.hpp"

using namespace fdr;

namespace {

constexpr Duration kSpan = std::chrono::seconds(60);
constexpr std::uint64_t kMegabyte = 1 << 20;

std::uint64_t hinted_megabytes(const Error& error) {
  const std::string before = "--memory ";
  const std::size_t at = error.hint().find(before);
  REQUIRE(at != std::string::npos);
  std::uint64_t amount = 0;
  const char* const text = error.hint().c_str() + at + before.size();
  const auto parsed = std::from_chars(text, error.hint().c_str() + error.hint().size(), amount);
  CHECK(std::string_view(parsed.ptr).starts_with("MB"));
  return amount;
}

}  // namespace

TEST_CASE("layout: memory is a law from 24 MB to 4 GB and from 1 to 256 CPUs") {
  int fitted = 0, refused = 0;
  for (const std::uint64_t megabytes : {24, 25, 32, 48, 100, 256, 1024, 4096}) {
    for (std::uint32_t slots = 1; slots <= 256; ++slots) {
      const std::uint64_t memory = megabytes * kMegabyte;
      std::optional<WindowLayout> layout;
      try {
        layout = divide_memory(memory, slots, kSpan);
      } catch (const Error&) {
        ++refused;
        continue;
      }
      ++fitted;
      REQUIRE(layout->total_bytes() <= memory);
      REQUIRE(layout->total_bytes() == 2 * layout->ring_bytes() + layout->table_bytes());
      REQUIRE(layout->slots == slots);
      for (const std::uint32_t chunks : layout->chunks) REQUIRE(chunks >= 4);
    }
  }
  CHECK(fitted > 380);
  CHECK(refused > 100);
}

TEST_CASE("layout: what is given is used, most of it for stacks and raw calls") {
  const WindowLayout layout = divide_memory(256 * kMegabyte, 4, kSpan);
  CHECK(layout.total_bytes() > 240 * kMegabyte);
  CHECK((std::uint64_t{layout.chunks[FDR_STACKS]} * FDR_STACK_CHUNK_BYTES + std::uint64_t{layout.chunks[FDR_SYSCALLS]} * FDR_CHUNK_BYTES) * 4 >
        layout.ring_bytes() / 2);
  CHECK(layout.rows >= 1'000'000);
  CHECK(layout.spaces >= 256);
  const WindowLayout twice = divide_memory(512 * kMegabyte, 4, kSpan);
  for (int ring = 0; ring < FDR_RINGS; ++ring) CHECK(twice.chunks[ring] > layout.chunks[ring]);
}

TEST_CASE("layout: every thread slot can be named by an id") {
  CHECK(divide_memory(24 * kMegabyte, 1, kSpan).threads >= 2048);
  CHECK(divide_memory(4096 * kMegabyte, 16, kSpan).threads <= FDR_THREAD_SLOT_MASK);
}

TEST_CASE(
    "layout: half a ring flows in over a span, so that it covers it; raw calls and life events take what there is") {
  const WindowLayout layout = divide_memory(512 * kMegabyte, 2, kSpan);
  for (const int ring : {FDR_STACKS, FDR_STALLS, FDR_SLOW, FDR_FAILED}) {
    const std::uint64_t ring_bytes = std::uint64_t{layout.chunks[ring]} * chunk_bytes(ring);
    const std::uint64_t inflow = layout.refill_per_ms[ring] * 60'000;
    CAPTURE(kRingNames[ring]);
    CHECK(inflow > 0);
    // The burst is half the ring: with the inflow and the chunk being recycled it must not be more than there is.
    CHECK(inflow + ring_bytes / 2 <= ring_bytes);
    CHECK(inflow > ring_bytes / 3);
    CHECK(divide_memory(512 * kMegabyte, 2, 10 * kSpan).refill_per_ms[ring] < layout.refill_per_ms[ring]);
  }
  CHECK(layout.refill_per_ms[FDR_SYSCALLS] == 0);
  CHECK(layout.refill_per_ms[FDR_LIFE] == 0);
  CHECK(divide_memory(512 * kMegabyte, 2, Duration{}).refill_per_ms[FDR_STACKS] > 0);  // no division by zero
}

TEST_CASE("layout: too little memory is refused with how much to give") {
  for (const std::uint32_t slots : {4u, 64u, 256u}) {
    CAPTURE(slots);
    std::uint64_t megabytes = 24;
    int hints = 0;
    // A larger window has larger tables too; the hints lead to one that fits, each beyond the last.
    for (;; ++hints) {
      REQUIRE(hints < 12);
      try {
        divide_memory(megabytes * kMegabyte, slots, kSpan);
        break;
      } catch (const Error& error) {
        CHECK(std::string(error.what()).find(bytes_text(static_cast<double>(megabytes * kMegabyte))) !=
              std::string::npos);
        const std::uint64_t next = hinted_megabytes(error);
        REQUIRE(next > megabytes);
        megabytes = next;
      }
    }
    CHECK(hints > 0);
    CHECK(megabytes < slots * 12 + 1);
  }
}

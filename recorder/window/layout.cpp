#include "recorder/window/layout.hpp"

#include <algorithm>
#include <bit>

#include "formats/error.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// Parts of a hundred. A walked stack takes 130 to 450 bytes, a copied one up to 16 KB; raw syscalls hold what fits.
constexpr std::array<unsigned, FDR_RINGS> kShares = {28, 8, 36, 6, 6, 4, 8, 4};

// Rings that must cover the span at any load keep an allowance; raw syscalls, the life ring (drained each tick) and the
// ends of bystanders (the newest say most) do not.
constexpr bool keeps_allowance(int ring) { return ring != FDR_SYSCALLS && ring != FDR_LIFE && ring != FDR_BYSTANDERS; }

// What an entry of a hash takes beside its key and value (kernel/bpf/hashtab.c: struct htab_elem, and its bucket).
constexpr std::uint64_t kHashEntry = 48 + 16;
constexpr std::uint64_t kHeapBlockBytes = kHashEntry + sizeof(fdr_heap_key) + sizeof(fdr_heap_block);
constexpr std::uint64_t kHeapStackBytes = kHashEntry + 8 + sizeof(fdr_heap_stack);

constexpr std::uint32_t kLeastChunks = 4;  // with fewer, recycling one would lose a large part of the ring at once

}  // namespace

WindowLayout WindowLayout::without(std::uint32_t lacks) const {
  WindowLayout rest = *this;
  for (int ring = 0; ring < FDR_RINGS; ++ring)
    if (lacks >> ring & 1) rest.chunks[ring] = 1;
  return rest;
}

std::uint64_t WindowLayout::ring_bytes() const {
  std::uint64_t sum = 0;
  for (int ring = 0; ring < FDR_RINGS; ++ring) sum += std::uint64_t{chunks[ring]} * chunk_bytes(ring) * slots;
  return sum;
}

std::uint64_t WindowLayout::table_bytes() const {
  const std::uint64_t per_slot = sizeof(fdr_summary_cell) * FDR_SUMMARY_ROW + FDR_RINGS * sizeof(fdr_cursor) + sizeof(fdr_cpu);
  const std::uint64_t hashes = std::uint64_t{failing()} * (sizeof(fdr_failing_key) + sizeof(fdr_failing)) + std::uint64_t{ticks()} * sizeof(fdr_ticks);
  const std::uint64_t heap = heap_blocks * kHeapBlockBytes + heap_stacks * kHeapStackBytes;
  return hashes + heap + threads * sizeof(fdr_thread) + std::uint64_t{rows} * sizeof(fdr_row) + spaces * sizeof(fdr_space) + slots * per_slot + FDR_PARKED * sizeof(fdr_parked) + sizeof(fdr_control);
}

namespace {

WindowLayout divide(std::uint64_t memory, std::uint32_t slots, Duration span, bool heap) {
  WindowLayout layout;
  layout.slots = slots;
  // A thread costs 192 bytes: a thirty-second part of the memory, between 2 048 threads and as many as an id can name.
  layout.threads = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(memory / 32 / sizeof(fdr_thread), 2048, FDR_THREAD_SLOT_MASK));
  // An eighth for rows: a server with its libraries has 100 000 to 300 000.
  layout.rows = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(memory / 8 / sizeof(fdr_row), 65'536, 1u << FDR_ROW_SEARCH_STEPS));
  layout.spaces = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(memory / 64 / sizeof(fdr_space), 16, 4096));
  if (heap) {  // an eighth: of 64 MB, 40 000 blocks, which stand for 20 GB, from 4 600 places
    layout.heap_blocks = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(memory / 16 / kHeapBlockBytes, 4096, 1u << 20));
    layout.heap_stacks = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(memory / 16 / kHeapStackBytes, 512, 1u << 16));
  }
  const std::uint64_t tables = layout.table_bytes();
  const std::uint64_t rings = memory > tables ? (memory - tables) / 2 : 0;
  const std::uint64_t span_ms = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(span.count()) / 1'000'000);
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    const std::uint64_t bytes = rings * kShares[ring] / 100 / slots;
    layout.chunks[ring] = std::max<std::uint32_t>(kLeastChunks, static_cast<std::uint32_t>(bytes / chunk_bytes(ring)));
    // Half the ring is the burst, half flows in over a span; one chunk is always the one being recycled.
    const std::uint64_t kept = std::uint64_t{layout.chunks[ring] - 1} * chunk_bytes(ring);
    if (keeps_allowance(ring)) layout.refill_per_ms[ring] = std::max<std::uint64_t>(1, kept / 2 / span_ms);
  }
  return layout;
}

}  // namespace

unsigned failing_shift(Duration whole) { return static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(std::max(whole, Duration{1}).count()))); }

WindowLayout divide_memory(std::uint64_t memory, std::uint32_t slots, Duration span, const ShareOfOthers& others, bool heap) {
  const auto left = [&](std::uint64_t all) { return others ? all - others(all) : all; };
  const WindowLayout layout = divide(left(memory), slots, span, heap);
  if (layout.total_bytes() <= left(memory)) return layout;
  std::uint64_t enough = (memory >> 20) + 1;  // tables and shares grow with the memory: what fits is found, not computed
  while (divide(left(enough << 20), slots, span, heap).total_bytes() > left(enough << 20)) ++enough;
  throw Error("the window does not fit into " + bytes_text(static_cast<double>(memory)),
              "use --memory " + std::to_string(enough) + "MB or more");
}

}  // namespace fdr

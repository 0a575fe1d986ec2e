#include "recorder/window/snapshot.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "formats/clock.hpp"

namespace fdr {

// The programs publish with plain stores in order (x86 keeps them so); reading with acquire keeps ours in order too.
bool copy_chunk(const fdr_chunk_header* chunk, std::uint64_t seq, std::uint32_t body_bytes, std::uint8_t* to, ChunkCopy& copy) {
  if (__atomic_load_n(&chunk->seq, __ATOMIC_ACQUIRE) != seq) return false;
  const std::uint32_t used = __atomic_load_n(&chunk->used, __ATOMIC_ACQUIRE);
  if (used > body_bytes) return false;
  copy.seq = seq;
  copy.first_ns = chunk->first_ns;
  copy.cpu = chunk->cpu;
  std::memcpy(to, reinterpret_cast<const std::uint8_t*>(chunk) + FDR_CHUNK_HEADER, used);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  if (__atomic_load_n(&chunk->seq, __ATOMIC_ACQUIRE) != seq) return false;
  copy.body = {to, used};
  return true;
}

Snapshot::Snapshot(const WindowLayout& layout) : buffer_(layout.ring_bytes()) {
  // Zeroing the buffer above has touched every page: 64 MB into fresh pages would take 65 ms at the firing, not 13.
  for (int ring = 0; ring < FDR_RINGS; ++ring) rings_[ring].chunks.reserve(std::size_t{layout.chunks[ring]} * layout.slots);
}

Snapshot Snapshot::of_stacks(const std::map<std::uint32_t, std::string>& by_cpu) {
  Snapshot snapshot{WindowLayout{}};
  for (const auto& [cpu, records] : by_cpu) snapshot.buffer_.insert(snapshot.buffer_.end(), records.begin(), records.end());
  std::size_t at = 0;
  for (const auto& [cpu, records] : by_cpu) {
    ChunkCopy copy{.slot = static_cast<std::uint32_t>(snapshot.rings_[FDR_STACKS].chunks.size()), .cpu = cpu, .seq = 1, .first_ns = 0, .skip = 0, .body = {snapshot.buffer_.data() + at, records.size()}};
    snapshot.rings_[FDR_STACKS].chunks.push_back(copy);
    at += records.size();
  }
  return snapshot;
}

WindowMark Snapshot::take(const WindowView& window, const WindowMark& after) {
  WindowMark mark;
  std::size_t place = 0;
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    RingCopy& copies = rings_[ring];
    copies.chunks.clear();
    copies.overtaken = 0;
    copies.covers_since_ns = 0;
    const std::uint32_t body = chunk_bytes(ring) - FDR_CHUNK_HEADER;
    const std::uint64_t count = window.layout.chunks[ring];
    for (std::uint32_t slot = 0; slot < window.layout.slots; ++slot) {
      const std::uint64_t newest = __atomic_load_n(&window.cursor(ring, slot).seq, __ATOMIC_ACQUIRE);
      const RingMark done = after[ring].empty() ? RingMark{} : after[ring][slot];
      std::uint64_t seq = newest > count ? newest - count + 1 : 1;
      // The slot's oldest chunk bounds what is covered, unless an earlier snapshot has it already.
      bool oldest = newest > count && seq > done.seq;
      seq = std::max(seq, done.seq);
      RingMark reached = done;
      for (; newest != 0 && seq <= newest; ++seq) {
        ChunkCopy copy;
        copy.slot = slot;
        if (!copy_chunk(window.chunk(ring, slot, seq), seq, body, buffer_.data() + place, copy)) {
          ++copies.overtaken;
          oldest = true;  // a hole: what is covered begins behind it
          continue;
        }
        if (seq == done.seq) copy.skip = std::min<std::uint32_t>(done.used, static_cast<std::uint32_t>(copy.body.size()));
        place += chunk_bytes(ring);
        copies.chunks.push_back(copy);
        reached = {seq, static_cast<std::uint32_t>(copy.body.size())};
        if (oldest) copies.covers_since_ns = std::max(copies.covers_since_ns, copy.first_ns);
        oldest = false;
      }
      if (oldest && newest != 0) copies.covers_since_ns = static_cast<std::uint64_t>(to_ns(MonotonicClock::now()));
      mark[ring].push_back(reached);
    }
  }
  return mark;
}

namespace {

struct WantedChunk {
  int ring;
  std::uint32_t slot;
  std::uint64_t seq, first_ns, until_ns;
  std::uint32_t room;  // of its records: a chunk that is still written may grow meanwhile
  bool reaches;        // back to what is wanted
};

void want(const WindowView& window, int ring, std::uint32_t slot, std::uint64_t since_ns, std::vector<WantedChunk>& wanted) {
  constexpr std::uint32_t kGrowth = 16u << 10;
  const std::uint32_t body = chunk_bytes(ring) - FDR_CHUNK_HEADER;
  const std::uint64_t newest = __atomic_load_n(&window.cursor(ring, slot).seq, __ATOMIC_ACQUIRE);
  std::uint64_t until_ns = UINT64_MAX;
  for (std::uint64_t seq = newest; seq > 0 && newest - seq < window.layout.chunks[ring]; --seq) {
    const fdr_chunk_header* chunk = window.chunk(ring, slot, seq);
    if (__atomic_load_n(&chunk->seq, __ATOMIC_ACQUIRE) != seq) return;
    const std::uint32_t used = std::min(__atomic_load_n(&chunk->used, __ATOMIC_ACQUIRE), body);
    const std::uint64_t first_ns = chunk->first_ns;
    const bool reaches = first_ns <= since_ns || seq == 1;
    wanted.push_back({ring, slot, seq, first_ns, until_ns, seq == newest ? std::min(used + kGrowth, body) : used, reaches});
    if (reaches) return;
    until_ns = first_ns;
  }
}

}  // namespace

void Snapshot::take_recent(const WindowView& window, std::span<const int> rings, std::uint64_t since_ns, std::size_t most_bytes) {
  std::vector<WantedChunk> wanted;
  for (const int ring : rings)
    for (std::uint32_t slot = 0; slot < window.layout.slots; ++slot) want(window, ring, slot, since_ns, wanted);
  std::stable_sort(wanted.begin(), wanted.end(), [](const WantedChunk& a, const WantedChunk& b) { return a.until_ns > b.until_ns; });
  std::size_t bytes = 0, kept = 0;
  while (kept < wanted.size() && (wanted[kept].until_ns == UINT64_MAX || bytes + wanted[kept].room <= most_bytes)) bytes += wanted[kept++].room;
  wanted.resize(kept);
  std::sort(wanted.begin(), wanted.end(), [](const WantedChunk& a, const WantedChunk& b) { return std::tie(a.ring, a.slot, a.seq) < std::tie(b.ring, b.slot, b.seq); });
  for (RingCopy& copies : rings_) copies = {};
  buffer_.assign(bytes, 0);
  std::size_t place = 0;
  bool hole = false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const WantedChunk& chunk = wanted[i];
    RingCopy& copies = rings_[chunk.ring];
    const bool oldest = i == 0 || wanted[i - 1].ring != chunk.ring || wanted[i - 1].slot != chunk.slot;
    if (oldest) hole = !chunk.reaches;
    ChunkCopy copy;
    copy.slot = chunk.slot;
    if (!copy_chunk(window.chunk(chunk.ring, chunk.slot, chunk.seq), chunk.seq, chunk.room, buffer_.data() + place, copy)) {
      ++copies.overtaken;
      hole = true;
      continue;
    }
    if (hole) copies.covers_since_ns = std::max(copies.covers_since_ns, copy.first_ns);
    hole = false;
    place += chunk.room;
    copies.chunks.push_back(copy);
  }
}

}  // namespace fdr

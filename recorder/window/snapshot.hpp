// A copy of the rings at one moment, taken while the programs go on writing.
//
// Each chunk is copied up to what was published (`used`), then its sequence number is read again: if it changed the writer was there
// first and the chunk is skipped and counted as overtaken, never half used. A second snapshot takes only what is newer than a mark.
// The buffer is allocated and touched once, at the start, and reused. One user at a time; the session copies, the dumper reads.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "recorder/window/window.hpp"

namespace fdr {

struct ChunkCopy {
  std::uint32_t slot = 0;
  std::uint32_t cpu = 0;
  std::uint64_t seq = 0;
  std::uint64_t first_ns = 0;
  std::uint32_t skip = 0;                  // bytes of the body that an earlier snapshot already had
  std::span<const std::uint8_t> body;      // complete records, from the chunk's start
};

// How far a ring was read on each slot.
struct RingMark {
  std::uint64_t seq = 0;
  std::uint32_t used = 0;
};
using WindowMark = std::array<std::vector<RingMark>, FDR_RINGS>;

struct RingCopy {
  std::vector<ChunkCopy> chunks;  // by slot, then sequence: oldest first
  std::uint64_t overtaken = 0;    // chunks that were recycled while being copied
  std::uint64_t covers_since_ns = 0;  // everything newer than this was in the ring; 0: nothing had been overwritten yet
};

class Snapshot {
 public:
  explicit Snapshot(const WindowLayout& layout);
  Snapshot() = default;  // without a buffer: for take_recent()
  Snapshot(Snapshot&&) = default;  // what the copies point to moves along
  Snapshot& operator=(Snapshot&&) = default;
  // Of nothing but stack samples, by the CPU that took them: records as in the ring, in the order of time.
  static Snapshot of_stacks(const std::map<std::uint32_t, std::string>& by_cpu);

  // Copies everything newer than `after` (everything for an empty mark) and returns the new mark.
  WindowMark take(const WindowView& window, const WindowMark& after);

  // Of these rings what is newer than `since_ns`, the newest first, until `most_bytes` are full: covers_since_ns says how far back it goes
  // (0: to `since_ns`). Allocates what it needs.
  void take_recent(const WindowView& window, std::span<const int> rings, std::uint64_t since_ns, std::size_t most_bytes);

  const RingCopy& ring(int ring) const { return rings_[ring]; }

 private:
  std::vector<std::uint8_t> buffer_;
  std::array<RingCopy, FDR_RINGS> rings_;
};

// Copies one chunk's published body to `to` (room for a whole body). False when the writer overtook us or the chunk is another one.
bool copy_chunk(const fdr_chunk_header* chunk, std::uint64_t seq, std::uint32_t body_bytes, std::uint8_t* to, ChunkCopy& copy);

}  // namespace fdr

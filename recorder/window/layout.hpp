// How `memory` is divided: rings, the snapshot buffer, tables (memory is a law, span a wish).
//
// Half of what the tables leave is for the rings, half for the one snapshot buffer; each ring has a fixed share, since a busy ring must
// not push out a rare one. Pure arithmetic, bytes throughout.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "formats/clock.hpp"
#include "recorder/window/wire.h"

namespace fdr {

// Names as in manifest.json, indexed by fdr_ring.
inline constexpr std::array<const char*, FDR_RINGS> kRingNames = {"stacks", "stalls", "syscalls", "slow", "failed", "life", "growth", "bystanders"};

constexpr std::uint32_t chunk_bytes(int ring) { return ring == FDR_STACKS ? FDR_STACK_CHUNK_BYTES : FDR_CHUNK_BYTES; }

struct WindowLayout {
  std::uint32_t slots = 1;                                // CPUs that can be recorded
  std::uint32_t threads = 0;                              // slots of the threads array
  std::uint32_t rows = 0;                                 // unwind rows, of all files together
  std::uint32_t spaces = 0;                               // address spaces that can be walked by them
  std::array<std::uint32_t, FDR_RINGS> chunks{};          // per slot
  std::array<std::uint64_t, FDR_RINGS> refill_per_ms{};   // bytes; 0: the ring takes all there is and covers what it covers
  // Entries of hashes that forget who was not seen for longest. Each CPU keeps up to 128 free ones to itself (kernel/bpf/bpf_lru_list.c).
  std::uint32_t failing() const { return 512 + 128 * slots; }
  std::uint32_t ticks() const { return 1024 + 128 * slots; }
  // Sampled blocks that targets hold, and their stacks; 0 where nobody asked for them.
  std::uint32_t heap_blocks = 0, heap_stacks = 0;
  // With next to no room for the rings that are lacking (fdr_lacks).
  WindowLayout without(std::uint32_t lacks) const;
  std::uint64_t ring_bytes() const;                       // of all slots
  std::uint64_t table_bytes() const;
  std::uint64_t total_bytes() const { return 2 * ring_bytes() + table_bytes(); }
};

// Epochs of failed calls (wire.h: fdr_failing_part) are 2^this ns long: not shorter than a window of `whole`.
unsigned failing_shift(Duration whole);

// Bytes that something else takes of so much memory: the window has the rest.
using ShareOfOthers = std::function<std::uint64_t(std::uint64_t memory)>;
// Throws Error when `memory` is too small for a window at all; the hint says how much is needed.
// `heap`: some target's allocations are sampled.
WindowLayout divide_memory(std::uint64_t memory, std::uint32_t slots, Duration span, const ShareOfOthers& others = {}, bool heap = false);

}  // namespace fdr

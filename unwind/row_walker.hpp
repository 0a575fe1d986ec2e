// Walks a stack by unwind rows, from registers to the root: the user-space twin of the walk in the kernel. Both are
// row_step.h and the two binary searches around it; nothing is allocated, and only what `read` gives is read. For live
// stacks that are read without stopping their thread, for copies, and as the reference for the kernel's. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "unwind/row.h"
#include "unwind/stack_sample.hpp"

namespace fdr {

// `bool read(uint64_t address, uint64_t* value)` of any kind. A view: what it was made from must outlive it.
class WordReader {
 public:
  template <class Read>
  requires(!std::is_same_v<std::remove_cvref_t<Read>, WordReader>) WordReader(Read& read)
      : context_(const_cast<void*>(static_cast<const void*>(&read))),
        call_([](void* context, std::uint64_t address, std::uint64_t* value) -> bool {
          return (*static_cast<Read*>(context))(address, value);
        }) {}
  bool operator()(std::uint64_t address, std::uint64_t* value) const { return call_(context_, address, value); }

 private:
  void* context_;
  bool (*call_)(void*, std::uint64_t, std::uint64_t*);
};

// One process: its segments, sorted by start, and the rows they point into.
struct RowTable {
  std::span<const fdr_segment> segments;
  std::span<const fdr_row> rows;
};

struct RowWalk {
  std::size_t frames = 0;
  fdr_walk_end end = FDR_WALK_ON;
  fdr_complex complex = FDR_COMPLEX_NONE;  // FDR_WALK_COMPLEX: what of the last frame's row
};

// `frames` receives the addresses, innermost first, marked with FDR_FRAME_EXACT as in a record; FDR_MAX_FRAMES is room
// for all there can be.
RowWalk walk_rows(const RowTable& table, const UserRegisters& registers, WordReader read,
                  std::span<std::uint64_t> frames);

WalkEnd walk_end_of(fdr_walk_end end);

// A walk as the rest of the program knows it.
WalkedStack walked_stack(std::span<const std::uint64_t> frames, fdr_walk_end end);

}  // namespace fdr

#include "unwind/row_walker.hpp"

#include <algorithm>

#define FDR_READ_WORD(context, address, word) (!(*static_cast<const fdr::WordReader*>(context))((address), (word)))
#include "unwind/row_step.h"

namespace fdr {

namespace {

// The segment that holds `address`, nullptr where none does.
const fdr_segment* find_segment(std::span<const fdr_segment> segments, std::uint64_t address) {
  std::size_t low = 0, high = segments.size();  // the answer is before `low`
  for (int i = 0; i < FDR_SEGMENT_SEARCH_STEPS && low < high; ++i) {
    const std::size_t middle = (low + high) / 2;
    if (segments[middle].start <= address)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0) return nullptr;
  const fdr_segment& found = segments[low - 1];
  return address >= found.start && address < found.end ? &found : nullptr;
}

// The row that holds for `pc`, a gap where there is none.
fdr_row find_row(std::span<const fdr_row> rows, const fdr_segment& segment, std::uint64_t address) {
  const std::uint64_t offset = address - segment.bias;
  if (segment.count == 0 || offset > UINT32_MAX) return fdr_gap_row();
  std::uint64_t low = segment.first, high = std::uint64_t{segment.first} + segment.count;
  for (int i = 0; i < FDR_ROW_SEARCH_STEPS && low < high; ++i) {
    const std::uint64_t middle = (low + high) / 2;
    if (middle >= rows.size()) return fdr_gap_row();
    if (rows[middle].pc <= offset)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == segment.first) return fdr_gap_row();
  return rows[low - 1];
}

}  // namespace

RowWalk walk_rows(const RowTable& table, const UserRegisters& registers, WordReader read,
                  std::span<std::uint64_t> frames) {
  RowWalk result;
  fdr_walk walk{registers.ip, registers.sp, registers.bp, 1, 0, registers.thread};
  for (;;) {
    const std::uint64_t lookup = fdr_lookup(&walk);
    const fdr_segment* segment = find_segment(table.segments, lookup);
    if (fdr_is_recorded(&walk, segment != nullptr)) {
      if (result.frames >= frames.size() || result.frames >= FDR_MAX_FRAMES) return result.end = FDR_WALK_DEEP, result;
      frames[result.frames++] = fdr_frame(&walk);
    }
    result.end = static_cast<fdr_walk_end>(fdr_enter(&walk, segment != nullptr));
    if (result.end != FDR_WALK_ON) return result;
    const fdr_row row = find_row(table.rows, *segment, lookup);
    result.end = static_cast<fdr_walk_end>(fdr_step(&read, &walk, row));
    if (result.end == FDR_WALK_COMPLEX && row.rule == FDR_ROW_COMPLEX)
      result.complex = static_cast<fdr_complex>(row.cfa);
    if (result.end != FDR_WALK_ON) return result;
  }
}

WalkEnd walk_end_of(fdr_walk_end end) {
  switch (end) {
    case FDR_WALK_ROOT:
      return WalkEnd::kRoot;
    case FDR_WALK_NO_MAPPING:
      return WalkEnd::kNoMapping;
    case FDR_WALK_NO_ROWS:
    case FDR_WALK_COMPLEX:
      return WalkEnd::kNoUnwindInfo;
    case FDR_WALK_DEEP:
      return WalkEnd::kTooDeep;
    case FDR_WALK_STUCK:
      return WalkEnd::kStuck;
    case FDR_WALK_UNREADABLE:
      return WalkEnd::kUnreadable;
    case FDR_WALK_ON:
    case FDR_WALK_ENDS:
      break;
  }
  return WalkEnd::kNotWalked;
}

WalkedStack walked_stack(std::span<const std::uint64_t> frames, fdr_walk_end end) {
  WalkedStack stack;
  stack.end = walk_end_of(end);
  stack.frames.reserve(frames.size());
  for (const std::uint64_t frame : frames)
    stack.frames.push_back({frame & ~FDR_FRAME_EXACT, (frame & FDR_FRAME_EXACT) == 0});
  return stack;
}

}  // namespace fdr

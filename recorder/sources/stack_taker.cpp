#include "recorder/sources/stack_taker.hpp"

#include <algorithm>

#include "unwind/row_walker.hpp"
#include "unwind/stack_words.hpp"

namespace fdr {

void StackTaker::put(const void* from, std::size_t bytes) {
  const auto* const begin = static_cast<const std::uint8_t*>(from);
  bytes_.insert(bytes_.end(), begin, begin + bytes);
}

bool StackTaker::walk(const PerfRecord& sample, std::uint32_t space, fdr_stack& stack) {
  frames_.clear();
  if (space == 0 || space > window_.layout.spaces) return false;
  fdr_space& known = window_.spaces[space - 1];
  const StackCopy copy{.registers = sample.registers, .bytes = sample.stack, .whole = sample.stack_whole};
  StackWords words(copy);
  frames_.resize(FDR_MAX_FRAMES);
  std::span<const fdr_segment> segments{known.segments, std::min<std::size_t>(known.count, FDR_SEGMENTS)};
  const auto is_pending = [](const fdr_segment& segment) { return segment.count == FDR_ROWS_PENDING; };
  const bool pending = std::any_of(segments.begin(), segments.end(), is_pending);
  if (pending) {  // not walked through: as if they were not there
    segments_.assign(segments.begin(), segments.end());
    std::erase_if(segments_, is_pending);
    segments = segments_;
  }
  const RowTable table{segments, {window_.rows, window_.layout.rows}};
  const RowWalk walked = walk_rows(table, copy.registers, words, frames_);
  frames_.resize(walked.frames);
  stack.end = static_cast<fdr_u8>(walked.end == FDR_WALK_NO_MAPPING && pending ? FDR_WALK_NO_ROWS : walked.end);
  if (walked.end == FDR_WALK_NO_MAPPING && !pending) ++known.strange;
  if (walked.end == FDR_WALK_UNREADABLE && words.ran_off() && !copy.whole) {
    stack.flags |= FDR_STACK_CUT;  // deeper than the copy: nobody can make more of it
    return walked.frames > 1;
  }
  return walked.end == FDR_WALK_ROOT || walked.end == FDR_WALK_DEEP;
}

std::span<const std::uint8_t> StackTaker::take(const PerfRecord& sample, std::uint32_t space, std::uint32_t most) {
  bytes_.clear();
  fdr_stack stack{};
  stack.flags = sample.in_kernel ? FDR_STACK_IN_KERNEL : 0;
  stack.kernel_frames = static_cast<fdr_u16>(sample.kernel_frames.size());
  const bool walked = sample.has_registers && walk(sample, space, stack);
  std::uint32_t words = 0;
  if (walked) {
    stack.user_frames = static_cast<fdr_u16>(frames_.size());
  } else if (sample.has_registers) {
    words = static_cast<std::uint32_t>(std::min<std::size_t>(sample.stack.size(), most) / 8);
    stack.words = static_cast<fdr_u16>(words);
    stack.flags = static_cast<fdr_u8>((stack.flags & ~FDR_STACK_CUT) | FDR_STACK_COPIED);
    if (sample.stack_whole && words * 8 == sample.stack.size()) stack.flags |= FDR_STACK_WHOLE;
  } else {
    stack.flags |= FDR_STACK_NO_USER;
  }
  put(&stack, sizeof stack);
  put(sample.kernel_frames.data(), sample.kernel_frames.size() * 8);
  if (walked) {
    put(frames_.data(), frames_.size() * 8);
  } else if (sample.has_registers) {
    const UserRegisters& r = sample.registers;
    const fdr_registers registers{.ip = r.ip, .sp = r.sp, .bp = r.bp, .bx = r.bx, .r12 = r.r12, .r13 = r.r13, .r14 = r.r14, .r15 = r.r15};
    put(&registers, sizeof registers);
    put(sample.stack.data(), std::size_t{words} * 8);
  }
  return bytes_;
}

}  // namespace fdr

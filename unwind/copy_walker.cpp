#include "unwind/copy_walker.hpp"

#include <array>

#include "unwind/module_rows.hpp"
#include "unwind/stack_words.hpp"

namespace fdr {

const CopyWalker::File& CopyWalker::file_of(const Module& module) {
  const auto [entry, fresh] = known_.try_emplace(module);
  File& file = entry->second;
  if (!fresh) return file;
  file.image = files_.find(module);
  if (!file.image) return file;
  const ModuleRows made = rows_of(*file.image);
  file.first = static_cast<std::uint32_t>(rows_.size());
  file.count = static_cast<std::uint32_t>(made.rows.size());
  file.base = made.base;
  rows_.insert(rows_.end(), made.rows.begin(), made.rows.end());
  return file;
}

const std::vector<fdr_segment>& CopyWalker::segments_of(const AddressSpace& space, Timestamp time) {
  const auto [entry, fresh] = segments_.try_emplace({&space, space.epoch(time)});
  if (!fresh) return entry->second;
  for (const AddressSpace::Stretch& stretch : space.stretches(time)) {
    fdr_segment segment{.start = stretch.start, .end = stretch.end, .bias = stretch.start, .first = 0, .count = 0};
    const File& file = file_of(stretch.mapping->module);
    if (file.count) {
      if (const auto bias = row_bias(*stretch.mapping, file.image->segments(), file.base)) {
        segment.bias = *bias;
        segment.first = file.first;
        segment.count = file.count;
      }
    }
    entry->second.push_back(segment);
  }
  return entry->second;
}

WalkedStack CopyWalker::walk(const AddressSpace& space, const UserRegisters& registers, WordReader read, Timestamp time) {
  std::array<std::uint64_t, FDR_MAX_FRAMES> frames;
  const std::vector<fdr_segment>& segments = segments_of(space, time);
  const RowWalk walk = walk_rows({segments, rows_}, registers, read, frames);
  return walked_stack(std::span(frames).first(walk.frames), walk.end);
}

WalkedStack CopyWalker::walk_by_rows(const AddressSpace& space, const StackCopy& copy, Timestamp time) {
  StackWords words(copy);
  WalkedStack walked = walk(space, copy.registers, words, time);
  if (words.ran_off() && !copy.whole && walked.end != WalkEnd::kRoot) walked.end = WalkEnd::kCopyTooShort;
  return walked;
}

WalkedStack CopyWalker::walk(const AddressSpace& space, const StackCopy& copy, Timestamp time) {
  WalkedStack by_rows = walk_by_rows(space, copy, time);
  // Of a copy that is too short nobody can make more.
  if (by_rows.end == WalkEnd::kRoot || by_rows.end == WalkEnd::kCopyTooShort || by_rows.end == WalkEnd::kTooDeep) return by_rows;
  WalkedStack other = second_opinion_.walk(space, copy, time);
  return other.end == WalkEnd::kRoot || other.frames.size() > by_rows.frames.size() ? other : by_rows;
}

}  // namespace fdr

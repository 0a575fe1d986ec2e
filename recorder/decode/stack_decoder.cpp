#include "recorder/decode/stack_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "formats/modules.hpp"
#include "recorder/decode/sleeping_walks.hpp"

namespace fdr {
namespace {

// The recording itself: what stands between a tracepoint and the stack that bpf_get_stack takes.
bool is_recording(const std::string& name) {
  return name.starts_with("bpf_prog_") || name.starts_with("bpf_trace_run") || name.starts_with("__bpf_trace") ||
         name.starts_with("__traceiter_") || name.starts_with("bpf_get_stack") || name.starts_with("trace_call_bpf") ||
         name.starts_with("bpf_trampoline_") || name.starts_with("__bpf_prog_");
}

// Of a walk by rows.
WalkEnd end_of(std::uint8_t end) {
  switch (end) {
    case FDR_WALK_ROOT: return WalkEnd::kRoot;
    case FDR_WALK_NO_MAPPING: return WalkEnd::kNoMapping;
    case FDR_WALK_NO_ROWS:
    case FDR_WALK_COMPLEX: return WalkEnd::kNoUnwindInfo;
    case FDR_WALK_DEEP: return WalkEnd::kTooDeep;
    case FDR_WALK_STUCK: return WalkEnd::kStuck;
    case FDR_WALK_UNREADABLE: return WalkEnd::kUnreadable;
    default: return WalkEnd::kNotWalked;
  }
}

}  // namespace

StackDecoder::StackDecoder(StackTable& stacks, ModuleFiles& files, const KernelSymbols& kernel)
    : stacks_(stacks),
      walker_(files),
      kernel_(kernel),
      kernel_module_(stacks.intern_module({.kind = ModuleKind::kKernel, .path = "[kernel]", .build_id = {}})) {}

std::uint32_t StackDecoder::kernel_frame(std::uint64_t address) {
  return stacks_.intern_frame(kernel_module_, address, kernel_.name(address));
}

std::uint32_t StackDecoder::user_frame(const FrameAddress& frame, std::int32_t pid, const AddressSpace* space, Timestamp time) {
  const std::uint64_t address = frame.lookup();
  const Mapping* mapping = space ? space->find(address, time) : nullptr;
  // Without a file an address means something in its own process only.
  if (!mapping) return stacks_.intern_frame(stacks_.intern_module(anonymous_module("unmapped", pid)), address);
  if (mapping->module.kind == ModuleKind::kAnonymous && mapping->module.path == "[anon]")
    return stacks_.intern_frame(stacks_.intern_module(anonymous_module("anon", pid)), address);
  const std::uint32_t module = stacks_.intern_module(mapping->module);
  if (mapping->module.kind == ModuleKind::kAnonymous) return stacks_.intern_frame(module, address);
  return stacks_.intern_frame(module, mapping->file_offset + (address - mapping->start));
}

bool read_stack(std::span<const std::uint8_t> record, std::size_t at, RecordedStack& stack) {
  const auto take = [&](void* to, std::size_t bytes) {
    if (record.size() < at || record.size() - at < bytes) return false;
    if (bytes) std::memcpy(to, record.data() + at, bytes);
    at += bytes;
    return true;
  };
  if (!take(&stack.header, sizeof stack.header)) return false;
  if (stack.header.kernel_frames > FDR_KERNEL_FRAMES || stack.header.user_frames > FDR_MAX_FRAMES) return false;
  stack.kernel.resize(stack.header.kernel_frames);
  stack.user.resize(stack.header.user_frames);
  if (!take(stack.kernel.data(), stack.kernel.size() * 8) || !take(stack.user.data(), stack.user.size() * 8)) return false;
  stack.copy = {};
  if (!(stack.header.flags & FDR_STACK_COPIED)) return true;
  const std::size_t bytes = std::size_t{stack.header.words} * 8;
  if (!take(&stack.registers, sizeof stack.registers) || record.size() - at < bytes) return false;
  stack.copy = record.subspan(at, bytes);
  return true;
}

WalkedStack StackDecoder::walk_copy(const RecordedStack& recorded, const std::shared_ptr<AddressSpace>& space, Timestamp time) {
  const fdr_registers& r = recorded.registers;
  if (!space) return {.frames = {{.address = r.ip, .is_return = false}}, .end = WalkEnd::kNoMapping};
  const StackCopy copy{.registers = {.ip = r.ip, .sp = r.sp, .bp = r.bp, .bx = r.bx, .r12 = r.r12, .r13 = r.r13, .r14 = r.r14, .r15 = r.r15},
                       .bytes = recorded.copy,
                       .whole = (recorded.header.flags & FDR_STACK_WHOLE) != 0};
  walked_.insert(space);
  WalkedStack walked = walker_.walk(*space, copy, time);
  if (recorded.header.flags & FDR_STACK_UNREADABLE && walked.end != WalkEnd::kRoot) walked.end = WalkEnd::kUnreadable;
  return walked;
}

DecodedStack StackDecoder::decode(const RecordedStack& recorded, std::int32_t pid, const std::shared_ptr<AddressSpace>& space,
                                  Timestamp time) {
  std::vector<std::uint32_t> frames;  // innermost first while collecting
  bool at_top = true;
  for (std::size_t i = 0; i < recorded.kernel.size(); ++i) {
    // The first address of a clock sample is where it was; all others are return addresses.
    const FrameAddress address{.address = recorded.kernel[i], .is_return = i > 0};
    if (at_top && is_recording(kernel_.name(address.lookup()))) continue;
    at_top = false;
    frames.push_back(kernel_frame(address.lookup()));
  }
  DecodedStack decoded;
  if (recorded.header.flags & FDR_STACK_COPIED) {
    const WalkedStack walked = walk_copy(recorded, space, time);
    for (const FrameAddress& frame : walked.frames) frames.push_back(user_frame(frame, pid, space.get(), time));
    decoded.end = walked.end;
  } else if (recorded.header.flags & FDR_STACK_NO_USER) {
    decoded.end = WalkEnd::kKernelOnly;
  } else {
    for (const std::uint64_t frame : recorded.user)
      frames.push_back(user_frame({.address = frame & ~FDR_FRAME_EXACT, .is_return = !(frame & FDR_FRAME_EXACT)}, pid, space.get(), time));
    decoded.end = end_of(recorded.header.end);
    if (recorded.header.flags & FDR_STACK_CUT && decoded.end == WalkEnd::kUnreadable) decoded.end = WalkEnd::kCopyTooShort;
  }
  std::reverse(frames.begin(), frames.end());
  if (!frames.empty()) decoded.stack = stacks_.intern_stack(frames);
  return decoded;
}

std::vector<SleepingStack> StackDecoder::read_sleeping(std::int32_t pid, std::span<const std::int32_t> tids, const std::shared_ptr<AddressSpace>& space, Timestamp now) {
  std::vector<SleepingStack> stacks(tids.size());
  if (!space) return stacks;
  walked_.insert(space);
  const std::vector<std::optional<SleepingWalk>> walks = walk_sleeping(walker_, pid, tids, *space, now);
  for (std::size_t i = 0; i < walks.size(); ++i) {
    if (!walks[i]) continue;
    std::vector<std::uint32_t> frames;
    for (const FrameAddress& frame : walks[i]->walked.frames) frames.push_back(user_frame(frame, pid, space.get(), now));
    std::reverse(frames.begin(), frames.end());
    if (!frames.empty()) stacks[i] = {{stacks_.intern_stack(frames), walks[i]->walked.end}, walks[i]->place.syscall};
  }
  return stacks;
}

}  // namespace fdr

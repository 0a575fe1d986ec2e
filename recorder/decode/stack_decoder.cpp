#include "recorder/decode/stack_decoder.hpp"

#include <algorithm>
#include <vector>

namespace fdr {
namespace {

// The recording itself: what stands between a tracepoint and the stack that bpf_get_stack takes.
bool is_recording(const std::string& name) {
  return name.starts_with("bpf_prog_") || name.starts_with("bpf_trace_run") || name.starts_with("__bpf_trace") ||
         name.starts_with("__traceiter_") || name.starts_with("bpf_get_stack") || name.starts_with("trace_call_bpf") ||
         name.starts_with("bpf_trampoline_") || name.starts_with("__bpf_prog_");
}

}  // namespace

StackDecoder::StackDecoder(StackTable& stacks, ModuleFiles& files, const KernelSymbols& kernel)
    : stacks_(stacks),
      unwinder_(files),
      kernel_(kernel),
      kernel_module_(stacks.intern_module({.kind = ModuleKind::kKernel, .path = "[kernel]", .build_id = {}})) {}

std::uint32_t StackDecoder::kernel_frame(std::uint64_t address) {
  return stacks_.intern_frame(kernel_module_, address, kernel_.name(address));
}

std::uint32_t StackDecoder::user_frame(const FrameAddress& frame, const AddressSpace* space, Timestamp time) {
  const std::uint64_t address = frame.lookup();
  const Mapping* mapping = space ? space->find(address, time) : nullptr;
  if (!mapping) {
    const Module unmapped{.kind = ModuleKind::kAnonymous, .path = "[unmapped]", .build_id = {}};
    return stacks_.intern_frame(stacks_.intern_module(unmapped), address);
  }
  const std::uint32_t module = stacks_.intern_module(mapping->module);
  if (mapping->module.kind == ModuleKind::kAnonymous) return stacks_.intern_frame(module, address);
  return stacks_.intern_frame(module, mapping->file_offset + (address - mapping->start));
}

DecodedStack StackDecoder::decode(const fdr_stack& header, std::span<const std::uint64_t> kernel, std::span<const std::uint8_t> bytes,
                                  const std::shared_ptr<AddressSpace>& space, Timestamp time) {
  std::vector<std::uint32_t> frames;  // innermost first while collecting
  bool at_top = true;
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    // The first address of a clock sample is where it was; all others are return addresses.
    const FrameAddress address{.address = kernel[i], .is_return = i > 0};
    if (at_top && is_recording(kernel_.name(address.lookup()))) continue;
    at_top = false;
    frames.push_back(kernel_frame(address.lookup()));
  }
  DecodedStack decoded;
  if (header.flags & FDR_STACK_NO_USER) {
    decoded.end = WalkEnd::kKernelOnly;
  } else {
    WalkedStack walked;
    const StackCopy copy{.registers = {.ip = header.ip, .sp = header.sp, .bp = header.bp, .bx = header.bx, .r12 = header.r12,
                                       .r13 = header.r13, .r14 = header.r14, .r15 = header.r15},
                         .bytes = bytes,
                         .whole = (header.flags & FDR_STACK_WHOLE) != 0};
    if (space) {
      walked_.insert(space);
      walked = unwinder_.walk(*space, copy, time);
    } else {
      walked = {.frames = {{.address = header.ip, .is_return = false}}, .end = WalkEnd::kNoMapping};
    }
    for (const FrameAddress& frame : walked.frames) frames.push_back(user_frame(frame, space.get(), time));
    decoded.end = header.flags & FDR_STACK_UNREADABLE && walked.end != WalkEnd::kRoot ? WalkEnd::kUnreadable : walked.end;
  }
  std::reverse(frames.begin(), frames.end());
  if (!frames.empty()) decoded.stack = stacks_.intern_stack(frames);
  return decoded;
}

}  // namespace fdr

// One stack as it was recorded: frames that were walked in the kernel, or registers and a copy of the stack to be walked later.
// This is the seam between the two; everything after it sees only frames. Also the one home of the minus-one rule.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "formats/stacks.hpp"

namespace fdr {

// The callee-saved registers of x86-64 that unwinding needs.
struct UserRegisters {
  std::uint64_t ip = 0, sp = 0, bp = 0, bx = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
  std::uint64_t thread = 0;  // fs base; 0 where it is not known
};

// Registers and the used top of the stack: `bytes` begins at registers.sp.
struct StackCopy {
  UserRegisters registers;
  std::span<const std::uint8_t> bytes;
  bool whole = false;  // it reaches the base of the stack: running off its end is then not "too short"
};

// An address met in a stack. A return address points behind its call, so lookups use the byte before it.
struct FrameAddress {
  std::uint64_t address = 0;
  bool is_return = false;
  std::uint64_t lookup() const { return is_return ? address - 1 : address; }
};

// A walked user stack, innermost first.
struct WalkedStack {
  std::vector<FrameAddress> frames;
  WalkEnd end = WalkEnd::kNotWalked;
};

}  // namespace fdr

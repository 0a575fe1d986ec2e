// Where Go's runtime.systemstack leaves the goroutine's stack and where it comes back to it, told from its code (asm_amd64.s): it loads
// g, g.m, m.curg and the saved sp behind the call it makes on the g0 stack. g.m and g.sched.sp have been at 48 and 56 since 1.16; m.curg is
// where the code says. Code of any other shape is not understood, and said so by nothing. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace fdr {

struct GoStackSwitch {
  std::uint64_t left = 0, back = 0;  // offsets: from `left` to `back` it is on the g0 stack
  std::uint16_t curg_words = 0;      // m.curg, in 8-byte words
};

std::optional<GoStackSwitch> find_go_stack_switch(std::span<const std::uint8_t> code);

}  // namespace fdr

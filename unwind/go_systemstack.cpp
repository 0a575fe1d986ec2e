#include "unwind/go_systemstack.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "unwind/row.h"

namespace fdr {

namespace {

using Code = std::span<const std::uint8_t>;

constexpr std::array<std::uint8_t, 15> kLoadM = {0xff, 0xd7,                                            // call *%rdi
                                                 0x64, 0x48, 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff,  // mov %fs:-8,%rax
                                                 0x48, 0x8b, 0x58, 0x30};                               // mov 48(%rax),%rbx
constexpr std::array<std::uint8_t, 3> kLoadCurg = {0x48, 0x8b, 0x83};                                   // mov n(%rbx),%rax
constexpr std::array<std::uint8_t, 13> kComeBack = {0x64, 0x48, 0x89, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff,  // mov %rax,%fs:-8
                                                    0x48, 0x8b, 0x60, 0x38};                               // mov 56(%rax),%rsp
constexpr std::array<std::uint8_t, 3> kLeaveByRbx = {0x48, 0x89, 0xdc};                                    // mov %rbx,%rsp
constexpr std::array<std::uint8_t, 4> kLeaveByRdx = {0x48, 0x8b, 0x62, 0x38};                              // mov 56(%rdx),%rsp
constexpr std::size_t kLeaveBefore = 16;  // bytes before the call

bool at(Code code, std::size_t offset, Code wanted) {
  return offset <= code.size() && code.size() - offset >= wanted.size() && std::equal(wanted.begin(), wanted.end(), code.begin() + static_cast<std::ptrdiff_t>(offset));
}

// Behind the instruction that leaves the stack before the call at `call`; 0 where there is none.
std::size_t left_before(Code code, std::size_t call) {
  for (std::size_t i = call; i-- > (call > kLeaveBefore ? call - kLeaveBefore : 0);) {
    if (at(code, i, kLeaveByRbx) && i + kLeaveByRbx.size() <= call) return i + kLeaveByRbx.size();
    if (at(code, i, kLeaveByRdx) && i + kLeaveByRdx.size() <= call) return i + kLeaveByRdx.size();
  }
  return 0;
}

}  // namespace

std::optional<GoStackSwitch> find_go_stack_switch(Code code) {
  for (std::size_t call = 0; call + kLoadM.size() <= code.size(); ++call) {
    if (!at(code, call, kLoadM)) continue;
    const std::size_t curg = call + kLoadM.size(), back = curg + kLoadCurg.size() + 4;
    if (!at(code, curg, kLoadCurg) || !at(code, back, kComeBack)) return std::nullopt;
    std::uint32_t offset = 0;
    std::memcpy(&offset, code.data() + curg + kLoadCurg.size(), sizeof offset);
    const std::size_t left = left_before(code, call);
    if (left == 0 || offset % FDR_WORD != 0 || offset / FDR_WORD > FDR_CFA_MAX) return std::nullopt;
    return GoStackSwitch{left, back + kComeBack.size(), static_cast<std::uint16_t>(offset / FDR_WORD)};
  }
  return std::nullopt;
}

}  // namespace fdr

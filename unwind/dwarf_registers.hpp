// The numbers by which DWARF and .eh_frame call the registers of x86-64 that unwinding needs (x86-64 psABI,
// figure 3.36).
#pragma once

#include <cstdint>

namespace fdr {

inline constexpr std::uint64_t kDwarfRbp = 6, kDwarfRsp = 7, kDwarfReturnAddress = 16;

}  // namespace fdr

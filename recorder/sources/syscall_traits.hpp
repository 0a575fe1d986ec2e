// What a system call works on, and whether it waits by nature: the table that the programs and the reader of their records share.
#pragma once

#include <array>
#include <cstdint>

#include "recorder/window/wire.h"

namespace fdr {

// Indexed by number: FDR_TRAIT_* of wire.h.
std::array<std::uint8_t, FDR_SYSCALLS_MAX> syscall_traits();

}  // namespace fdr

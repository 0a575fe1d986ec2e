// Names of x86-64 system calls, as the kernel calls them (newfstatat, execve): the names `fdr show` and strace -c print.
// From the kernel's uapi headers at build time (formats/CMakeLists.txt generates the table); "syscall_512" when unknown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/timeline.hpp"

namespace fdr {

inline constexpr std::uint16_t kSyscallNumbers = 512;  // all that have names are below

std::string syscall_name(std::uint16_t number, SyscallAbi abi = SyscallAbi::kNative);
std::optional<std::uint16_t> syscall_number(std::string_view name);
// "ENOENT", or "E4095" for one without a name. `error` positive.
std::string errno_name(int error);

}  // namespace fdr

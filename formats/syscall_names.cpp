#include "formats/syscall_names.hpp"

#include <cstring>
#include <map>

namespace fdr {
namespace {

const std::map<std::uint16_t, const char*>& table() {
  static const std::map<std::uint16_t, const char*> names = {
#include "syscall_table.inc"
  };
  return names;
}

}  // namespace

std::string syscall_name(std::uint16_t number, SyscallAbi abi) {
  // The 32-bit table has other numbers; naming them by the 64-bit one would be a lie.
  if (abi == SyscallAbi::kCompat) return "compat_" + std::to_string(number);
  const auto found = table().find(number);
  const std::string name = found == table().end() ? "syscall_" + std::to_string(number) : found->second;
  return abi == SyscallAbi::kX32 ? "x32_" + name : name;
}

std::optional<std::uint16_t> syscall_number(std::string_view name) {
  for (const auto& [number, candidate] : table())
    if (name == candidate) return number;
  return std::nullopt;
}

std::string errno_name(int error) {
  // The kernel's own (include/linux/errno.h): a signal came, and the call is or would have been begun anew. No program sees them.
  switch (error) {
    case 512: return "ERESTARTSYS";
    case 513: return "ERESTARTNOINTR";
    case 514: return "ERESTARTNOHAND";
    case 516: return "ERESTART_RESTARTBLOCK";
    default: break;
  }
  const char* name = strerrorname_np(error);
  return name ? name : "E" + std::to_string(error);
}

}  // namespace fdr

// Memory of another process, many pieces at a call, without stopping it: process_vm_readv(2), which needs what ptrace(2)
// needs. Where the process has swapped anything out, only pages that are in memory are read: a read would bring the others
// in, in the midst of an incident. What cannot be read is marked so; nothing throws. One thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>

namespace fdr {

struct RemotePart {
  std::uint64_t address = 0;
  std::span<std::uint8_t> to;  // as many bytes as are wanted
  bool whole = false;          // they were all read
};

// Fills the parts and says of each whether it is whole. A function, so that tests can make memory up.
using RemoteMemory = std::function<void(std::span<RemotePart>)>;

RemoteMemory memory_of(std::int32_t pid);

template <class T>
std::optional<T> read_remote(const RemoteMemory& memory, std::uint64_t address) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::uint8_t bytes[sizeof(T)];
  RemotePart part{address, bytes};
  memory({&part, 1});
  if (!part.whole) return std::nullopt;
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace fdr

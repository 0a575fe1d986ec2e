// Memory of a process that does not exist: areas of bytes at addresses, read as a process's is.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <vector>

#include "unwind/live/remote_memory.hpp"

namespace fdr::test {

class MadeUpProcess {
 public:
  void area(std::uint64_t address, std::size_t size) { areas_[address].resize(size); }
  template <class T>
  void put(std::uint64_t address, T value) {
    if (std::uint8_t* at = find(address, sizeof value)) std::memcpy(at, &value, sizeof value);
  }

  // An area of one word over and over.
  void repeat(std::uint64_t address, std::uint64_t word, std::size_t times) {
    std::vector<std::uint8_t>& bytes = areas_[address];
    bytes.resize(times * sizeof word);
    for (std::size_t i = 0; i < times; ++i) std::memcpy(bytes.data() + i * sizeof word, &word, sizeof word);
  }

  RemoteMemory memory() {
    return [this](std::span<RemotePart> parts) {
      ++calls;
      for (RemotePart& part : parts) {
        const std::uint8_t* at = find(part.address, part.to.size());
        part.whole = at != nullptr;
        if (at) std::memcpy(part.to.data(), at, part.to.size());
      }
    };
  }
  int calls = 0;

 private:
  std::uint8_t* find(std::uint64_t address, std::size_t size) {
    auto area = areas_.upper_bound(address);
    if (area == areas_.begin()) return nullptr;
    --area;
    const std::uint64_t offset = address - area->first;
    return offset <= area->second.size() && area->second.size() - offset >= size ? area->second.data() + offset : nullptr;
  }

  std::map<std::uint64_t, std::vector<std::uint8_t>> areas_;
};

}  // namespace fdr::test

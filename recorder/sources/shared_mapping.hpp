// A mapping shared with the kernel that unmaps itself. Move-only.
#pragma once

#include <cstddef>
#include <utility>

namespace fdr {

// A shared mapping of `bytes` of a descriptor from offset 0. Throws Error.
class SharedMapping {
 public:
  SharedMapping() = default;
  SharedMapping(int descriptor, std::size_t bytes, bool writable, const char* what);
  ~SharedMapping();
  SharedMapping(SharedMapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  SharedMapping& operator=(SharedMapping&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  void* data() const { return address_; }

 private:
  void* address_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace fdr

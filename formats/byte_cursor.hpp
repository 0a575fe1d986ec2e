// Reads one thing after another from bytes that somebody else wrote: fixed-width numbers, LEB128, spans. What does not
// fit reads as zero and makes the cursor fail for good, so that a run of reads is checked once, at its end.
// Little-endian, unaligned. A view: the bytes stay their owner's.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace fdr {

class ByteCursor {
 public:
  ByteCursor() = default;
  explicit ByteCursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  bool at_end() const { return failed_ || at_ == bytes_.size(); }
  std::size_t position() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }

  template <class T>
  T read() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    if (const auto from = take(sizeof(T)); !from.empty()) std::memcpy(&value, from.data(), sizeof(T));
    return value;
  }

  // Empty where they do not fit.
  std::span<const std::uint8_t> take(std::uint64_t count) {
    if (failed_ || count > left()) return failed_ = true, std::span<const std::uint8_t>{};
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }

  // Bits past the 64th are dropped; a number that is longer than any honest one (padding included) fails.
  std::uint64_t uleb128() {
    unsigned shift = 0;
    std::uint8_t last = 0;
    return leb128(shift, last);
  }

  std::int64_t sleb128() {
    unsigned shift = 0;
    std::uint8_t last = 0;
    std::uint64_t value = leb128(shift, last);
    if (shift < 64 && (last & 0x40)) value |= ~std::uint64_t{0} << shift;
    return static_cast<std::int64_t>(value);
  }

  // Up to and without the next zero byte.
  std::string_view text() {
    const auto rest = bytes_.subspan(at_);
    const void* zero = rest.empty() ? nullptr : std::memchr(rest.data(), 0, rest.size());
    if (failed_ || !zero) return failed_ = true, std::string_view{};
    const auto length = static_cast<std::size_t>(static_cast<const std::uint8_t*>(zero) - rest.data());
    at_ += length + 1;
    return {reinterpret_cast<const char*>(rest.data()), length};
  }

 private:
  static constexpr unsigned kMaxLebBits = 16 * 7;

  std::uint64_t leb128(unsigned& shift, std::uint8_t& last) {
    std::uint64_t value = 0;
    do {
      last = read<std::uint8_t>();
      if (failed_ || shift >= kMaxLebBits) return failed_ = true, 0;
      if (shift < 64) value |= static_cast<std::uint64_t>(last & 0x7f) << shift;
      shift += 7;
    } while (last & 0x80);
    return value;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace fdr

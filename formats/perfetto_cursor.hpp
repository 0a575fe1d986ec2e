// The one cursor through which bytes of a trace are read: protozero finds the fields and checks lengths, this checks
// that each is of the type and in the range the caller expects (protozero itself only asserts it). What does not fit
// throws Damage; times and durations beyond what a machine can have lived through do so too, so that later arithmetic
// on them cannot overflow.
#pragma once

#include <cstdint>
#include <limits>
#include <protozero/pbf_reader.hpp>
#include <protozero/varint.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "formats/clock.hpp"
#include "formats/perfetto_fields.hpp"

namespace fdr::perfetto {

// Something in a packet cannot be: the reader stops there.
class Damage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr std::int64_t kMaxUptime_ns = std::int64_t{1} << 60;    // 36 years
inline constexpr std::int64_t kMaxRealtime_ns = std::int64_t{1} << 62;  // the year 2116

inline Duration checked_duration(std::uint64_t bits, std::int64_t limit_ns = kMaxUptime_ns) {
  const auto ns = static_cast<std::int64_t>(bits);
  if (ns > limit_ns || ns < -limit_ns) throw Damage("a time that cannot be");
  return Duration{ns};
}

// All times in a trace are BOOTTIME; the model's are MONOTONIC. Exact both ways: modulo 2^64, by one constant.
class TraceClock {
 public:
  TraceClock() = default;
  explicit TraceClock(const ClockAnchor& anchor)
      : shift_(static_cast<std::uint64_t>(anchor.boottime_ns) - static_cast<std::uint64_t>(anchor.monotonic_ns)) {}
  std::uint64_t to_trace(Timestamp time) const { return static_cast<std::uint64_t>(to_ns(time)) + shift_; }
  Timestamp from_trace(std::uint64_t boottime) const { return Timestamp{checked_duration(boottime - shift_)}; }

 private:
  std::uint64_t shift_ = 0;
};

// Indices are stored plus one, so that 0 and a missing field both mean "none" (kNoIndex, kNoStack).
constexpr std::uint32_t index_to_trace(std::uint32_t index) { return index + 1; }
constexpr std::uint32_t index_from_trace(std::uint32_t stored) { return stored - 1; }

template <class Integer>
Integer checked_integer(std::uint64_t bits) {
  if constexpr (std::is_signed_v<Integer>) {
    const auto value = static_cast<std::int64_t>(bits);
    if (value < std::numeric_limits<Integer>::min() || value > std::numeric_limits<Integer>::max())
      throw Damage("a number out of range");
    return static_cast<Integer>(value);
  } else {
    if (bits > std::numeric_limits<Integer>::max()) throw Damage("a number out of range");
    return static_cast<Integer>(bits);
  }
}

template <class Enum>
Enum checked_enum(std::uint64_t bits, Enum last) {
  if (bits > static_cast<std::uint64_t>(last)) throw Damage("a kind that this version does not know");
  return static_cast<Enum>(bits);
}

// The fields of one message, in file order. Each value method reads the current field; a field that none reads is
// skipped.
class FieldCursor {
 public:
  explicit FieldCursor(std::string_view message) : reader_(message.data(), message.size()) {}

  bool next() {
    if (unread_) reader_.skip();
    unread_ = reader_.next();
    field_ = unread_ ? reader_.tag() : 0;  // kept here: in debug builds protozero forgets it once the value is read
    return unread_;
  }
  Field field() const { return field_; }

  std::uint64_t number() {
    expect(protozero::pbf_wire_type::varint);
    return reader_.get_uint64();
  }
  template <class Integer>
  Integer integer() {
    return checked_integer<Integer>(number());
  }
  template <class Enum>
  Enum enumeration(Enum last) {
    return checked_enum(number(), last);
  }
  bool flag() { return number() != 0; }
  Duration duration() { return checked_duration(number()); }
  std::uint32_t index() { return index_from_trace(integer<std::uint32_t>()); }
  double real() {
    expect(protozero::pbf_wire_type::fixed64);
    return reader_.get_double();
  }
  std::string_view bytes() {
    expect(protozero::pbf_wire_type::length_delimited);
    const auto view = reader_.get_view();
    return {view.data(), view.size()};
  }
  std::string text() { return std::string(bytes()); }

 private:
  void expect(protozero::pbf_wire_type type) {
    if (reader_.wire_type() != type) throw Damage("a field of the wrong type");
    unread_ = false;
  }

  protozero::pbf_reader reader_;
  Field field_ = 0;
  bool unread_ = false;
};

// The numbers of a packed field, one after the other.
class PackedCursor {
 public:
  explicit PackedCursor(std::string_view packed) : at_(packed.data()), end_(packed.data() + packed.size()) {}
  bool more() const { return at_ != end_; }
  std::uint64_t next() {
    if (!more()) throw Damage("a list that is too short");
    return protozero::decode_varint(&at_, end_);
  }
  std::int64_t next_signed() { return protozero::decode_zigzag64(next()); }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace fdr::perfetto

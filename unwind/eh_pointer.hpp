// Pointers of .eh_frame and .eh_frame_hdr, stored as an encoding byte says (LSB, 10.6.1: DW_EH_PE_*).
#pragma once

#include <cstdint>
#include <optional>

#include "formats/byte_cursor.hpp"

namespace fdr {

inline constexpr std::uint8_t kEhOmit = 0xff;

// Reads the number alone, whatever it is relative to. Nothing where the format is unknown or it does not fit.
inline std::optional<std::uint64_t> read_eh_number(ByteCursor& cursor, std::uint8_t encoding) {
  std::uint64_t value = 0;
  switch (encoding & 0x0f) {
    case 0x00:  // absptr
    case 0x04:  // udata8
    case 0x0c:  // sdata8
      value = cursor.read<std::uint64_t>();
      break;
    case 0x01:
      value = cursor.uleb128();
      break;
    case 0x02:
      value = cursor.read<std::uint16_t>();
      break;
    case 0x03:
      value = cursor.read<std::uint32_t>();
      break;
    case 0x09:
      value = static_cast<std::uint64_t>(cursor.sleb128());
      break;
    case 0x0a:
      value = static_cast<std::uint64_t>(std::int64_t{cursor.read<std::int16_t>()});
      break;
    case 0x0b:
      value = static_cast<std::uint64_t>(std::int64_t{cursor.read<std::int32_t>()});
      break;
    default:
      return std::nullopt;
  }
  return cursor.failed() ? std::nullopt : std::optional(value);
}

// `vaddr`: of the byte the cursor stands on. Absolute and pc-relative pointers are all that linkers write for x86-64
// code; nothing for indirect ones and those relative to something else.
inline std::optional<std::uint64_t> read_eh_pointer(ByteCursor& cursor, std::uint8_t encoding, std::uint64_t vaddr) {
  if (encoding == kEhOmit || ((encoding & 0xf0) != 0x00 && (encoding & 0xf0) != 0x10)) return std::nullopt;
  auto value = read_eh_number(cursor, encoding);
  if (value && (encoding & 0xf0) == 0x10) *value += vaddr;
  return value;
}

}  // namespace fdr

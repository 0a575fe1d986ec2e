#include "unwind/eh_frame_records.hpp"

#include <algorithm>
#include <string_view>

#include "formats/byte_cursor.hpp"
#include "unwind/dwarf_registers.hpp"
#include "unwind/eh_pointer.hpp"

namespace fdr {

namespace {

// Of a CIE's augmentation: compilers write five at most ("zPLRS"). A text of megabytes would be read for each lookup.
constexpr std::size_t kMaxLetters = 16;

// What the letters behind the 'z' stand for. False where that is not understood.
bool read_augmentation(std::string_view letters, ByteCursor data, CfiUnit& unit) {
  for (const char letter : letters) {
    if (letter == 'R')
      unit.pointer_encoding = data.read<std::uint8_t>();
    else if (letter == 'S')
      unit.signal_frame = true;
    else if (letter == 'L')
      data.read<std::uint8_t>();
    else if (letter == 'P') {
      if (!read_eh_number(data, data.read<std::uint8_t>())) return false;
    } else if (letter != 'B') {  // 'B': return addresses are signed, on AArch64
      break;                     // its data are skipped with the rest
    }
  }
  return !data.failed();
}

}  // namespace

std::optional<EhRecord> EhRecords::next() {
  while (at_ != frame_.bytes.size()) {
    ByteCursor cursor(frame_.bytes.subspan(at_));
    std::uint64_t length = cursor.read<std::uint32_t>();
    if (length == 0 && !cursor.failed()) {  // a terminator; of several objects there may be several
      if (!frame_.exact) return std::nullopt;
      at_ += cursor.position();
      continue;
    }
    if (length == 0xffffffff) length = cursor.read<std::uint64_t>();
    EhRecord record;
    record.vaddr = frame_.vaddr + at_;
    record.id_vaddr = record.vaddr + cursor.position();
    ByteCursor body(cursor.take(length));
    record.id = body.read<std::uint32_t>();
    record.body_vaddr = record.id_vaddr + body.position();
    if (cursor.failed() || body.failed()) return cut_ = true, std::nullopt;
    record.body = body.take(body.left());
    at_ += cursor.position();
    return record;
  }
  return std::nullopt;
}

std::optional<EhRecord> eh_record_at(const ElfImage& image, std::uint64_t vaddr) {
  return EhRecords({vaddr, image.loaded_bytes(vaddr), false}).next();
}

std::optional<EhUnit> parse_unit(const EhRecord& record) {
  EhUnit result;
  CfiUnit& unit = result.unit;
  ByteCursor cursor(record.body);
  const auto version = cursor.read<std::uint8_t>();
  if (version != 1 && version != 3 && version != 4) return std::nullopt;
  const auto letters = record.body.subspan(1, std::min(record.body.size() - 1, kMaxLetters + 1));
  if (std::find(letters.begin(), letters.end(), 0) == letters.end()) return std::nullopt;
  const std::string_view augmentation = cursor.text();
  if (augmentation == "eh") cursor.read<std::uint64_t>();  // GCC 2
  // Version 4: the sizes of an address and of a segment selector.
  if (version == 4 && (cursor.read<std::uint8_t>() != 8 || cursor.read<std::uint8_t>() != 0)) return std::nullopt;
  unit.code_align = cursor.uleb128();
  unit.data_align = cursor.sleb128();
  const std::uint64_t return_register = version == 1 ? cursor.read<std::uint8_t>() : cursor.uleb128();
  if (cursor.failed() || return_register != kDwarfReturnAddress) return std::nullopt;
  if (augmentation.starts_with('z')) {
    unit.has_augmentation = true;
    const std::uint64_t length = cursor.uleb128();
    if (!read_augmentation(augmentation.substr(1), ByteCursor(cursor.take(length)), unit)) return std::nullopt;
  } else if (!augmentation.empty() && augmentation != "eh") {
    return std::nullopt;
  }
  result.instructions = cursor.take(cursor.left());
  return cursor.failed() ? std::nullopt : std::optional(result);
}

std::optional<CfiFunction> parse_function(const EhRecord& record, const CfiUnit& unit) {
  ByteCursor cursor(record.body);
  const auto start = read_eh_pointer(cursor, unit.pointer_encoding, record.body_vaddr);
  // The length is of the same size, but never signed, nor relative to anything.
  const std::uint64_t length = read_eh_number(cursor, unit.pointer_encoding & 0x07).value_or(0);
  if (unit.has_augmentation) cursor.take(cursor.uleb128());
  if (!start || cursor.failed()) return std::nullopt;
  const std::uint64_t end = length > UINT64_MAX - *start ? UINT64_MAX : *start + length;
  const std::uint64_t instructions_vaddr = record.body_vaddr + cursor.position();
  return CfiFunction{*start, end, instructions_vaddr, cursor.take(cursor.left())};
}

}  // namespace fdr

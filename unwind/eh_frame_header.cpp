#include "unwind/eh_frame_header.hpp"

#include "formats/byte_cursor.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/eh_frame_records.hpp"
#include "unwind/eh_pointer.hpp"

namespace fdr {

namespace {

// DW_EH_PE_*: how a number is stored, and what it is relative to.
constexpr std::uint8_t kUdata4 = 0x03, kSdata4 = 0x0b, kDataRelative = 0x30;

}  // namespace

std::optional<EhFrameHead> EhFrameHead::of(const ElfImage& image) {
  const auto segment = image.eh_frame_header();
  if (!segment) return std::nullopt;
  ByteCursor cursor(image.bytes().subspan(segment->offset, segment->file_size));
  EhFrameHead head;
  const auto version = cursor.read<std::uint8_t>();
  const auto encoding = cursor.read<std::uint8_t>();
  head.count_encoding = cursor.read<std::uint8_t>();
  head.table_encoding = cursor.read<std::uint8_t>();
  const auto vaddr = read_eh_pointer(cursor, encoding, segment->vaddr + cursor.position());
  if (version != 1 || !vaddr) return std::nullopt;
  head.eh_frame = *vaddr;
  head.size = cursor.position();
  return head;
}

std::optional<EhFrameHeader> EhFrameHeader::of(const ElfImage& image) {
  const auto segment = image.eh_frame_header();
  const auto head = EhFrameHead::of(image);
  if (!segment || !head || head->size + sizeof(std::uint32_t) != kTableAt) return std::nullopt;
  if (head->count_encoding != kUdata4 || head->table_encoding != (kDataRelative | kSdata4)) return std::nullopt;
  EhFrameHeader header(image);
  const ByteReader reader(image.bytes());
  header.base_ = segment->vaddr;
  header.offset_ = segment->offset;
  const auto entries = reader.read<std::uint32_t>(header.offset_ + head->size);
  if (!entries || !reader.slice(header.offset_ + kTableAt, std::uint64_t{*entries} * 8)) return std::nullopt;
  header.entries_ = *entries;
  return header;
}

std::optional<std::int32_t> EhFrameHeader::entry(std::uint64_t index, std::uint64_t field) const {
  return ByteReader(image_->bytes()).read<std::int32_t>(offset_ + kTableAt + index * 8 + field * 4);
}

std::optional<EhFrameHeader::Function> EhFrameHeader::function_at(std::uint64_t vaddr) const {
  const auto wanted = static_cast<std::int64_t>(vaddr - base_);
  std::uint64_t low = 0, high = entries_;  // the answer is before `low`
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (entry(middle, 0).value_or(INT32_MAX) <= wanted)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0) return std::nullopt;
  const auto fde = entry(low - 1, 1);
  const auto function = fde ? read_fde(base_ + static_cast<std::uint64_t>(std::int64_t{*fde})) : std::nullopt;
  if (!function || vaddr < function->start || vaddr >= function->end) return std::nullopt;
  return function;
}

std::optional<EhFrameHeader::Function> EhFrameHeader::read_fde(std::uint64_t vaddr) const {
  const auto record = eh_record_at(*image_, vaddr);
  if (!record || record->is_unit()) return std::nullopt;
  const auto unit_record = eh_record_at(*image_, record->unit_vaddr());
  const auto unit = unit_record && unit_record->is_unit() ? parse_unit(*unit_record) : std::nullopt;
  const auto function = unit ? parse_function(*record, unit->unit) : std::nullopt;
  if (!function) return std::nullopt;
  return Function{function->start, function->end};
}

}  // namespace fdr

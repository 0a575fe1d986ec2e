#include "unwind/eh_frame_header.hpp"

#include <string_view>

#include "unwind/byte_reader.hpp"

namespace fdr {

namespace {

// DW_EH_PE_*: how a pointer is stored, and what it is relative to.
constexpr std::uint8_t kOmit = 0xff, kUdata4 = 0x03, kSdata4 = 0x0b, kPcRelative = 0x10, kDataRelative = 0x30;

// Reads a LEB128 number and moves `at` behind it; its value does not matter here.
bool skip_leb128(const ByteReader& reader, std::uint64_t& at) {
  for (int i = 0; i < 10; ++i) {
    const auto byte = reader.read<std::uint8_t>(at++);
    if (!byte) return false;
    if (!(*byte & 0x80)) return true;
  }
  return false;
}

// The encoding of the function addresses in the FDEs of the CIE at `at`; nothing where it is not understood.
std::optional<std::uint8_t> pointer_encoding(const ByteReader& reader, std::uint64_t at) {
  const auto length = reader.read<std::uint32_t>(at), id = reader.read<std::uint32_t>(at + 4);
  if (!length || !id || *length == 0xffffffff || *id != 0) return std::nullopt;
  at += 9;  // length, id, version
  char augmentation[8] = {};
  for (std::size_t i = 0;; ++i) {
    const auto letter = reader.read<char>(at++);
    if (!letter || i == sizeof(augmentation)) return std::nullopt;
    if (!(augmentation[i] = *letter)) break;
  }
  if (augmentation[0] != 'z') return std::nullopt;
  if (!skip_leb128(reader, at) || !skip_leb128(reader, at)) return std::nullopt;  // code and data alignment
  if (!skip_leb128(reader, at) || !skip_leb128(reader, at))
    return std::nullopt;  // return register, augmentation length
  for (const char letter : std::string_view(augmentation + 1)) {
    const auto encoding = reader.read<std::uint8_t>(at++);
    if (!encoding) return std::nullopt;
    if (letter == 'R') return encoding;
    if (letter == 'S' || letter == 'B') --at;                     // no data
    if (letter == 'P') at += (*encoding & 0x07) == 0x03 ? 4 : 8;  // the personality's address
  }
  return std::nullopt;
}

}  // namespace

std::optional<EhFrameHeader> EhFrameHeader::of(const ElfImage& image) {
  const auto segment = image.eh_frame_header();
  if (!segment) return std::nullopt;
  EhFrameHeader header(image);
  const ByteReader reader(image.bytes());
  header.base_ = segment->vaddr;
  header.offset_ = segment->offset;
  const auto version = reader.read<std::uint8_t>(header.offset_);
  const auto frame = reader.read<std::uint8_t>(header.offset_ + 1),
             count = reader.read<std::uint8_t>(header.offset_ + 2);
  const auto table = reader.read<std::uint8_t>(header.offset_ + 3);
  const auto entries = reader.read<std::uint32_t>(header.offset_ + 8);
  if (!version || !frame || !count || !table || !entries) return std::nullopt;
  const bool frame_is_4_bytes = *frame != kOmit && ((*frame & 0x0f) == kSdata4 || (*frame & 0x0f) == kUdata4);
  if (*version != 1 || !frame_is_4_bytes || *count != kUdata4 || *table != (kDataRelative | kSdata4))
    return std::nullopt;
  if (!reader.slice(header.offset_ + kTableAt, std::uint64_t{*entries} * 8)) return std::nullopt;
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
  const ByteReader reader(image_->bytes());
  const auto at = image_->offset_of_vaddr(vaddr);
  if (!at) return std::nullopt;
  const auto cie_distance = reader.read<std::uint32_t>(*at + 4);
  if (!cie_distance || *cie_distance == 0 || *cie_distance > *at + 4) return std::nullopt;
  const auto encoding = pointer_encoding(reader, *at + 4 - *cie_distance);
  const auto start = reader.read<std::int32_t>(*at + 8);
  const auto length = reader.read<std::uint32_t>(*at + 12);
  if (!encoding || *encoding != (kPcRelative | kSdata4) || !start || !length) return std::nullopt;
  const std::uint64_t begin = vaddr + 8 + static_cast<std::uint64_t>(std::int64_t{*start});
  return Function{begin, begin + *length};
}

}  // namespace fdr

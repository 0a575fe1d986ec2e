#include "unwind/go_code.hpp"

#include <algorithm>

#include "unwind/byte_reader.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kMaxCode = 64 << 10, kMaxReferences = 1024;

// Outside the code, and with memory behind it: of .bss the file holds nothing.
bool is_data(const ElfImage& image, std::uint64_t vaddr) {
  return std::any_of(image.segments().begin(), image.segments().end(), [&](const ElfImage::Segment& segment) {
    return !segment.executable && vaddr >= segment.vaddr && vaddr - segment.vaddr < segment.memory_size;
  });
}

std::vector<std::uint64_t> references(const ElfImage& image, const GoFunction& function) {
  std::vector<std::uint64_t> found;
  const std::uint64_t length = std::min(function.end - function.entry, kMaxCode);
  const auto offset = image.offset_of_vaddr(function.entry);
  const auto code = offset ? ByteReader(image.bytes()).slice(*offset, length) : std::nullopt;
  if (!code) return found;
  const ByteReader reader(*code);
  for (std::uint64_t at = 1; at + 5 <= length && found.size() < kMaxReferences; ++at) {
    if (((*code)[at] & 0xc7) != 0x05) continue;
    const auto distance = reader.read<std::int32_t>(at + 1);
    // What it is relative to is the next instruction, behind an immediate operand of none, one or four bytes.
    for (const std::uint64_t operand : {0u, 1u, 4u}) {
      const std::uint64_t target = function.entry + at + 5 + operand + static_cast<std::uint64_t>(std::int64_t{*distance});
      if (target % 8 == 0 && is_data(image, target) && std::find(found.begin(), found.end(), target) == found.end())
        found.push_back(target);
    }
  }
  return found;
}

}  // namespace

std::map<std::string_view, std::vector<std::uint64_t>> go_data_references(const ElfImage& image, const GoPclntab& table,
                                                                          std::span<const std::string_view> functions) {
  std::map<std::string_view, std::vector<std::uint64_t>> found;
  for (std::uint64_t i = 0; i < table.functions() && found.size() < functions.size(); ++i) {
    const auto function = table.function(i);
    if (!function) continue;
    const auto wanted = std::find(functions.begin(), functions.end(), function->name);
    if (wanted != functions.end()) found.emplace(*wanted, references(image, *function));
  }
  return found;
}

}  // namespace fdr

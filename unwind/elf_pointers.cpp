#include "unwind/elf_pointers.hpp"

#include <elf.h>

#include <algorithm>

#include "unwind/byte_reader.hpp"

namespace fdr {

namespace {

std::span<const std::uint8_t> relative_relocations(const ElfImage& image) {
  const ByteReader dynamic(image.dynamic());
  std::uint64_t table = 0, size = 0;
  for (std::uint64_t at = 0;; at += sizeof(Elf64_Dyn)) {
    const auto entry = dynamic.read<Elf64_Dyn>(at);
    if (!entry || entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_RELA) table = entry->d_un.d_ptr;
    if (entry->d_tag == DT_RELASZ) size = entry->d_un.d_val;
  }
  const auto offset = image.offset_of_vaddr(table);
  return offset ? ByteReader(image.bytes()).slice(*offset, size).value_or(std::span<const std::uint8_t>{})
                : std::span<const std::uint8_t>{};
}

bool is_relative(const Elf64_Rela& relocation) { return ELF64_R_TYPE(relocation.r_info) == R_X86_64_RELATIVE; }

}  // namespace

ElfPointers::ElfPointers(const ElfImage& image) : image_(&image), relocations_(relative_relocations(image)) {}

std::optional<std::uint64_t> ElfPointers::at(std::uint64_t vaddr) const {
  const auto offset = image_->offset_of_vaddr(vaddr);
  const auto stored = offset ? ByteReader(image_->bytes()).read<std::uint64_t>(*offset) : std::nullopt;
  if (!stored || *stored != 0) return stored;
  const ByteReader table(relocations_);
  for (std::uint64_t i = 0;; i += sizeof(Elf64_Rela)) {
    const auto relocation = table.read<Elf64_Rela>(i);
    if (!relocation) return stored;
    if (relocation->r_offset == vaddr && is_relative(*relocation))
      return static_cast<std::uint64_t>(relocation->r_addend);
  }
}

std::vector<std::uint64_t> ElfPointers::to(std::uint64_t target, std::size_t most) const {
  std::vector<std::uint64_t> found;
  const ByteReader table(relocations_), file(image_->bytes());
  for (std::uint64_t i = 0; found.size() < most; i += sizeof(Elf64_Rela)) {
    const auto relocation = table.read<Elf64_Rela>(i);
    if (!relocation) break;
    if (is_relative(*relocation) && static_cast<std::uint64_t>(relocation->r_addend) == target)
      found.push_back(relocation->r_offset);
  }
  for (const ElfImage::Segment& segment : image_->segments()) {
    if (segment.executable) continue;
    for (std::uint64_t at = 0; at + 8 <= segment.file_size && found.size() < most; at += 8) {
      const auto stored = file.read<std::uint64_t>(segment.offset + at);
      if (!stored) break;
      if (*stored == target) found.push_back(segment.vaddr + at);
    }
  }
  return found;
}

}  // namespace fdr

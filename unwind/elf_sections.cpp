#include "unwind/elf_sections.hpp"

#include <elf.h>

#include <cstring>

#include "unwind/byte_reader.hpp"

namespace fdr {

std::optional<ElfSection> find_section(const ElfImage& image, std::string_view name) {
  const ByteReader reader(image.bytes());
  const auto header = reader.read<Elf64_Ehdr>(0);
  if (!header || header->e_shentsize != sizeof(Elf64_Shdr)) return std::nullopt;
  const auto section_at = [&](std::uint64_t index) -> std::optional<Elf64_Shdr> {
    if (header->e_shoff == 0 || header->e_shoff > reader.size()) return std::nullopt;
    return reader.read<Elf64_Shdr>(header->e_shoff + index * sizeof(Elf64_Shdr));
  };
  const auto names_header = section_at(header->e_shstrndx);
  const auto names = names_header ? reader.slice(names_header->sh_offset, names_header->sh_size) : std::nullopt;
  if (!names) return std::nullopt;
  for (std::uint64_t i = 1; i < header->e_shnum; ++i) {
    const auto section = section_at(i);
    if (!section) return std::nullopt;
    if (section->sh_name >= names->size() || names->size() - section->sh_name <= name.size()) continue;
    const std::uint8_t* text = names->data() + section->sh_name;
    if (std::memcmp(text, name.data(), name.size()) != 0 || text[name.size()] != 0) continue;
    if (section->sh_type == SHT_NOBITS || (section->sh_flags & SHF_COMPRESSED)) return std::nullopt;
    const auto bytes = reader.slice(section->sh_offset, section->sh_size);
    return bytes ? std::optional<ElfSection>({section->sh_addr, *bytes}) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace fdr

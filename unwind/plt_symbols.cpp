#include "unwind/plt_symbols.hpp"

#include <elf.h>

#include <string>
#include <unordered_map>

#include "formats/byte_cursor.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/elf_sections.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxRelocations = 1u << 20;

// Word that the dynamic linker fills -> the symbol it looks up for it.
using Words = std::unordered_map<std::uint64_t, std::uint32_t>;

void add_words(const ElfImage& image, const char* section, Words& words) {
  const auto relocations = find_section(image, section);
  if (!relocations) return;
  const ByteReader reader(relocations->bytes);
  for (std::uint64_t at = 0; words.size() < kMaxRelocations; at += sizeof(Elf64_Rela)) {
    const auto entry = reader.read<Elf64_Rela>(at);
    if (!entry) return;
    const std::uint32_t type = ELF64_R_TYPE(entry->r_info);
    if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT) words[entry->r_offset] = ELF64_R_SYM(entry->r_info);
  }
}

}  // namespace

std::vector<ElfSymbol> plt_symbols(const ElfImage& image) {
  const auto symbols = find_section(image, ".dynsym"), names = find_section(image, ".dynstr");
  if (!symbols || !names) return {};
  Words words;
  add_words(image, ".rela.plt", words);
  add_words(image, ".rela.dyn", words);
  std::vector<ElfSymbol> stubs;
  const struct {
    const char* section;
    std::uint64_t stub_bytes;
  } tables[] = {{".plt", 16}, {".plt.sec", 16}, {".plt.got", 8}};
  for (const auto& [section, stub_bytes] : tables) {
    const auto table = find_section(image, section);
    if (!table) continue;
    const ByteReader code(table->bytes);
    for (std::uint64_t at = 0; at + 6 <= table->bytes.size(); ++at) {
      // jmp *offset(%rip), the one indirect jump of a stub
      if (table->bytes[at] != 0xff || table->bytes[at + 1] != 0x25) continue;
      const std::int64_t offset = *code.read<std::int32_t>(at + 2);
      const auto word = words.find(table->vaddr + at + 6 + static_cast<std::uint64_t>(offset));
      if (word == words.end()) continue;
      const auto symbol = ByteReader(symbols->bytes).read<Elf64_Sym>(std::uint64_t{word->second} * sizeof(Elf64_Sym));
      if (!symbol || symbol->st_name >= names->bytes.size()) continue;
      const std::string name(ByteCursor(names->bytes.subspan(symbol->st_name)).text());
      if (!name.empty()) stubs.push_back({table->vaddr + at / stub_bytes * stub_bytes, stub_bytes, name + "@plt", 3});
    }
  }
  return stubs;
}

}  // namespace fdr

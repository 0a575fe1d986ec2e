#include "unwind/plt_symbols.hpp"

#include <elf.h>

#include <cstring>
#include <string>
#include <unordered_map>

#include "unwind/elf_sections.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxRelocations = 1u << 20;

template <class T>
bool read_at(std::span<const std::uint8_t> bytes, std::uint64_t at, T& value) {
  if (at > bytes.size() || bytes.size() - at < sizeof value) return false;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return true;
}

std::string text_at(std::span<const std::uint8_t> bytes, std::uint64_t at) {
  if (at >= bytes.size()) return {};
  const void* end = std::memchr(bytes.data() + at, 0, bytes.size() - at);
  return end ? std::string(reinterpret_cast<const char*>(bytes.data() + at)) : std::string();
}

// Word that the dynamic linker fills -> the symbol it looks up for it.
using Words = std::unordered_map<std::uint64_t, std::uint32_t>;

void add_words(const ElfImage& image, const char* section, Words& words) {
  const auto relocations = find_section(image, section);
  if (!relocations) return;
  Elf64_Rela entry;
  for (std::uint64_t at = 0; words.size() < kMaxRelocations && read_at(relocations->bytes, at, entry); at += sizeof entry) {
    const std::uint32_t type = ELF64_R_TYPE(entry.r_info);
    if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT) words[entry.r_offset] = ELF64_R_SYM(entry.r_info);
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
    for (std::uint64_t at = 0; at + 6 <= table->bytes.size(); ++at) {
      // jmp *offset(%rip), the one indirect jump of a stub
      std::int32_t offset = 0;
      if (table->bytes[at] != 0xff || table->bytes[at + 1] != 0x25 || !read_at(table->bytes, at + 2, offset)) continue;
      const auto word = words.find(table->vaddr + at + 6 + static_cast<std::uint64_t>(std::int64_t{offset}));
      Elf64_Sym symbol;
      if (word == words.end() || !read_at(symbols->bytes, std::uint64_t{word->second} * sizeof symbol, symbol)) continue;
      const std::string name = text_at(names->bytes, symbol.st_name);
      if (!name.empty()) stubs.push_back({table->vaddr + at / stub_bytes * stub_bytes, stub_bytes, name + "@plt", 3});
    }
  }
  return stubs;
}

}  // namespace fdr

#include "unwind/elf_symbols.hpp"

#include <elf.h>

#include <algorithm>
#include <utility>

namespace fdr {

std::optional<int> function_rank(unsigned char info) {
  const auto type = ELF64_ST_TYPE(info), binding = ELF64_ST_BIND(info);
  if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) return std::nullopt;
  return (binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 1 : 2) + (type == STT_NOTYPE ? 3 : 0);
}

ElfSymbols::ElfSymbols(std::vector<ElfSymbol> symbols) : symbols_(std::move(symbols)) {
  std::erase_if(symbols_,
                [](const ElfSymbol& s) { return s.size == 0 || s.address + s.size < s.address || s.name.empty(); });
  std::sort(symbols_.begin(), symbols_.end(), [](const ElfSymbol& a, const ElfSymbol& b) {
    if (a.address != b.address) return a.address < b.address;
    if (a.size != b.size) return a.size > b.size;
    if (a.rank != b.rank) return a.rank > b.rank;
    // Fewer underscores in front are the better name: read, __read, __libc_read.
    const std::size_t a_bars = a.name.find_first_not_of('_'), b_bars = b.name.find_first_not_of('_');
    if (a_bars != b_bars) return a_bars > b_bars;
    return a.name > b.name;
  });
  std::uint64_t reach = 0;
  for (const ElfSymbol& symbol : symbols_) reach_.push_back(reach = std::max(reach, symbol.address + symbol.size));
}

const ElfSymbol* ElfSymbols::find(std::uint64_t vaddr) const {
  auto index = static_cast<std::size_t>(
      std::upper_bound(symbols_.begin(), symbols_.end(), vaddr,
                       [](std::uint64_t wanted, const ElfSymbol& s) { return wanted < s.address; }) -
      symbols_.begin());
  while (index > 0 && reach_[index - 1] > vaddr) {
    const ElfSymbol& symbol = symbols_[--index];
    if (vaddr - symbol.address < symbol.size) return &symbol;
  }
  return nullptr;
}

}  // namespace fdr

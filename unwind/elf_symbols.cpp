#include "unwind/elf_symbols.hpp"

#include <elf.h>

#include <algorithm>
#include <iterator>
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
  cut_stretches();
}

// From border to border: of the symbols that have begun and not ended, the last one in order is the innermost.
void ElfSymbols::cut_stretches() {
  const auto end_of = [this](std::size_t i) { return symbols_[i].address + symbols_[i].size; };
  std::vector<std::uint64_t> borders;
  for (std::size_t i = 0; i < symbols_.size(); ++i) {
    borders.push_back(symbols_[i].address);
    borders.push_back(end_of(i));
  }
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  std::vector<std::size_t> open;  // symbols are opened in order, so that the innermost is on top; ended ones go when they come up
  std::size_t next = 0;
  for (const std::uint64_t border : borders) {
    while (next < symbols_.size() && symbols_[next].address == border) open.push_back(next++);
    while (!open.empty() && end_of(open.back()) <= border) open.pop_back();
    const std::size_t symbol = open.empty() ? kNone : open.back();
    if (stretches_.empty() || stretches_.back().symbol != symbol) stretches_.push_back({border, symbol});
  }
}

const ElfSymbol* ElfSymbols::find(std::uint64_t vaddr) const {
  const auto after = std::upper_bound(stretches_.begin(), stretches_.end(), vaddr, [](std::uint64_t wanted, const Stretch& s) { return wanted < s.begin; });
  if (after == stretches_.begin()) return nullptr;
  const std::size_t symbol = std::prev(after)->symbol;
  return symbol == kNone ? nullptr : &symbols_[symbol];
}

}  // namespace fdr

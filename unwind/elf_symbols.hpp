// The function symbols of one file, sorted for lookup. A symbol names only what lies within its size: behind the end of
// the nearest symbol there is no name rather than a wrong one. Sorted and cut into stretches once; a lookup is a binary search, however the
// symbols lie in one another. Immutable after building.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fdr {

struct ElfSymbol {
  std::uint64_t address = 0, size = 0;  // vaddr
  std::string name;                     // mangled
  int rank = 0;                         // of several names for one place, the lowest is shown: global, weak, local
};

// Of a symbol table's entry, by its st_info: the rank of a function's symbol, nothing for what can be none. A function's
// own name comes before an assembler label.
std::optional<int> function_rank(unsigned char info);

class ElfSymbols {
 public:
  ElfSymbols() = default;
  explicit ElfSymbols(std::vector<ElfSymbol> symbols);
  // The innermost symbol around `vaddr`, nullptr where there is none.
  const ElfSymbol* find(std::uint64_t vaddr) const;
  std::size_t size() const { return symbols_.size(); }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;
  // From here to the next one, the innermost symbol is this one.
  struct Stretch {
    std::uint64_t begin = 0;
    std::size_t symbol = kNone;
  };
  void cut_stretches();

  std::vector<ElfSymbol>
      symbols_;  // by address, then size descending, then rank descending: the last match is the best
  std::vector<Stretch> stretches_;
};

}  // namespace fdr

#include "unwind/elf_symbols.hpp"

#include <doctest/doctest.h>

#include <random>
#include <tuple>

using namespace fdr;

namespace {

// As the header has it, without an index: of those around the place the one that begins last, the shortest of these, the lowest rank.
const ElfSymbol* plain_find(const std::vector<ElfSymbol>& symbols, std::uint64_t vaddr) {
  const ElfSymbol* found = nullptr;
  for (const ElfSymbol& s : symbols) {
    if (s.size == 0 || vaddr < s.address || vaddr - s.address >= s.size) continue;
    const auto order = [](const ElfSymbol& one) { return std::tuple(one.address, ~one.size, -one.rank); };
    if (!found || order(s) > order(*found)) found = &s;
  }
  return found;
}

std::string name_of(const ElfSymbol* symbol) { return symbol ? symbol->name : ""; }

}  // namespace

TEST_CASE("elf symbols: the innermost around a place, and none behind the end of one") {
  const ElfSymbols symbols({{.address = 100, .size = 100, .name = "outer"}, {.address = 120, .size = 10, .name = "inner"}, {.address = 120, .size = 10, .name = "alias", .rank = 1},
                            {.address = 300, .size = 0, .name = "empty"}, {.address = UINT64_MAX - 5, .size = 10, .name = "wraps"}});
  CHECK(name_of(symbols.find(99)).empty());
  CHECK(name_of(symbols.find(100)) == "outer");
  CHECK(name_of(symbols.find(120)) == "inner");
  CHECK(name_of(symbols.find(130)) == "outer");
  CHECK(name_of(symbols.find(199)) == "outer");
  for (const std::uint64_t none : {std::uint64_t{200}, std::uint64_t{300}, UINT64_MAX - 1}) CHECK(symbols.find(none) == nullptr);
  CHECK(ElfSymbols().find(0) == nullptr);
}

TEST_CASE("elf symbols: however they lie in one another, as a plain search finds them") {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<ElfSymbol> all;
    for (int i = 0; i < 12; ++i) all.push_back({.address = random() % 40, .size = random() % 20, .name = "s" + std::to_string(i), .rank = i});  // ranks differ: no two are alike
    const ElfSymbols symbols(all);
    for (std::uint64_t vaddr = 0; vaddr < 64; ++vaddr) REQUIRE(name_of(symbols.find(vaddr)) == name_of(plain_find(all, vaddr)));
  }
}

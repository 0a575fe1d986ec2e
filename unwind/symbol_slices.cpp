#include "unwind/symbol_slices.hpp"

#include <elf.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "formats/byte_cursor.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/debug_file.hpp"
#include "unwind/eh_frame_header.hpp"
#include "unwind/elf_sections.hpp"
#include "unwind/elf_symbols.hpp"
#include "unwind/go_pclntab.hpp"
#include "unwind/plt_symbols.hpp"

namespace fdr {

namespace {

// Recorded addresses of one file, sorted, each once.
class Wanted {
 public:
  Wanted(const ElfImage& image, std::span<const std::uint64_t> offsets) {
    for (const std::uint64_t offset : offsets)
      if (const auto vaddr = image.vaddr_of_offset(offset)) places_.push_back({*vaddr, offset});
    std::sort(places_.begin(), places_.end());
    places_.erase(std::unique(places_.begin(), places_.end()), places_.end());
  }

  struct Place {
    std::uint64_t vaddr = 0, offset = 0;
    auto operator<=>(const Place&) const = default;
  };
  const std::vector<Place>& places() const { return places_; }
  bool any_within(std::uint64_t start, std::uint64_t size) const {
    const auto place = std::lower_bound(places_.begin(), places_.end(), Place{start, 0});
    return place != places_.end() && place->vaddr - start < size;
  }

 private:
  std::vector<Place> places_;
};

void add_wanted(std::vector<ElfSymbol> all, const Wanted& wanted, std::vector<ElfSymbol>& symbols) {
  for (ElfSymbol& symbol : all)
    if (wanted.any_within(symbol.address, symbol.size)) symbols.push_back(std::move(symbol));
}

// Of one table, those around a wanted address; false where there is no such table.
bool add_table(const ElfImage& image, const char* table, const char* strings, const Wanted& wanted,
               std::vector<ElfSymbol>& symbols) {
  const auto entries = find_section(image, table), names = find_section(image, strings);
  if (!entries || !names) return false;
  ByteCursor cursor(entries->bytes);
  while (cursor.left() >= sizeof(Elf64_Sym)) {
    const auto symbol = cursor.read<Elf64_Sym>();
    const auto rank = function_rank(symbol.st_info);
    if (!rank || symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0) continue;
    if (!wanted.any_within(symbol.st_value, symbol.st_size) || symbol.st_name >= names->bytes.size()) continue;
    std::string name(ByteCursor(names->bytes.subspan(symbol.st_name)).text());
    if (name.size() > kMaxSliceName) name.resize(kMaxSliceName);
    if (!name.empty()) symbols.push_back({symbol.st_value, symbol.st_size, std::move(name), *rank});
  }
  return true;
}

std::vector<ElfSymbol> symbols_around(const ElfImage& image, const Wanted& wanted, std::string& source) {
  std::vector<ElfSymbol> symbols;
  if (add_table(image, ".symtab", ".strtab", wanted, symbols)) {
    source = "symtab";
  } else if (find_section(image, ".gnu_debugdata")) {  // xz: libdwfl knows how
    DebugFile file(image, {});
    add_wanted(file.symbols(), wanted, symbols);
    source = file.symbol_source();
  } else if (add_table(image, ".dynsym", ".dynstr", wanted, symbols)) {
    source = "dynsym";
  }
  add_wanted(plt_symbols(image), wanted, symbols);
  return symbols;
}

}  // namespace

ModuleSlice symbol_slice(const ElfImage& image, std::span<const std::uint64_t> offsets) {
  const Wanted wanted(image, offsets);
  ModuleSlice slice;
  const ElfSymbols symbols(symbols_around(image, wanted, slice.source));
  const auto header = EhFrameHeader::of(image);
  std::uint64_t covered = 0;  // nameless functions are met in order: up to here they are in the slice
  std::string problem;
  const auto go = GoPclntab::of(image, &problem);
  std::set<std::pair<std::uint64_t, std::uint64_t>> taken;
  // From the address in memory to the offset in the file it is the same way for the function's start, unless the file
  // says that the start lies before its segment.
  const auto add = [&](const Wanted::Place& place, std::uint64_t start, std::uint64_t size, std::string_view name) {
    const std::uint64_t before = place.vaddr - start;
    if (before > place.offset || name.empty() || !taken.emplace(start, size).second) return;
    slice.functions.push_back({place.offset - before, size, std::string(name.substr(0, kMaxSliceName))});
  };
  for (const Wanted::Place& place : wanted.places()) {
    if (const ElfSymbol* symbol = symbols.find(place.vaddr)) {
      add(place, symbol->address, symbol->size, symbol->name);
      continue;
    }
    if (const auto function = go ? go->find(place.vaddr) : std::nullopt) {
      if (slice.source != "symtab") slice.source = "pclntab";
      add(place, function->entry, function->end - function->entry, function->name);
      continue;
    }
    if (!header || place.vaddr < covered) continue;
    const auto function = header->function_at(place.vaddr);
    if (!function || place.vaddr - function->start > place.offset) continue;
    covered = function->end;
    slice.nameless.push_back(
        {place.offset - (place.vaddr - function->start), function->end - function->start, function->start});
  }
  return slice;
}

std::vector<ModuleSlice> symbol_slices(const StackTable& stacks, ModuleFiles& files) {
  std::vector<std::vector<std::uint64_t>> offsets(stacks.modules().size());
  for (const Frame& frame : stacks.frames())
    if (frame.module < offsets.size() && frame.name.empty()) offsets[frame.module].push_back(frame.offset);
  std::vector<ModuleSlice> slices(offsets.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    if (offsets[i].empty()) continue;
    const ElfImage* image = files.find(stacks.modules()[i]);
    if (!image) continue;
    try {
      slices[i] = symbol_slice(*image, offsets[i]);
    } catch (const std::exception&) {  // one damaged file must not cost the others their names
    }
  }
  return slices;
}

}  // namespace fdr

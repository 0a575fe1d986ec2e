#include "recorder/heap/allocator_functions.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>

#include "formats/byte_cursor.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/elf_sections.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMost = 64;
constexpr std::size_t kMaxName = 64;  // of a symbol that is looked for, and more
constexpr std::size_t kMaxCode = 4096;  // of a function that is searched for the call it ends in

struct Known {
  std::string_view name;
  fdr_heap_call call;
};

// Behind one of the prefixes.
constexpr std::array kFunctions = {
    Known{"malloc", FDR_HEAP_MALLOC},         Known{"calloc", FDR_HEAP_CALLOC},
    Known{"realloc", FDR_HEAP_REALLOC},       Known{"aligned_alloc", FDR_HEAP_ALIGNED},
    Known{"memalign", FDR_HEAP_ALIGNED},      Known{"posix_memalign", FDR_HEAP_POSIX},
    Known{"valloc", FDR_HEAP_MALLOC},         Known{"pvalloc", FDR_HEAP_MALLOC},
    Known{"free", FDR_HEAP_FREE},             Known{"cfree", FDR_HEAP_FREE},
    Known{"free_sized", FDR_HEAP_FREE},       Known{"free_aligned_sized", FDR_HEAP_FREE},
    Known{"mallocx", FDR_HEAP_MALLOC},        Known{"rallocx", FDR_HEAP_REALLOC},
    Known{"dallocx", FDR_HEAP_FREE},          Known{"sdallocx", FDR_HEAP_FREE},
    Known{"zalloc", FDR_HEAP_MALLOC},         Known{"malloc_aligned", FDR_HEAP_MALLOC},
    Known{"zalloc_aligned", FDR_HEAP_MALLOC}, Known{"realloc_aligned", FDR_HEAP_REALLOC},
};
// Of jemalloc, of jemalloc for Rust, of mimalloc.
constexpr std::array<std::string_view, 4> kPrefixes = {"", "je_", "_rjem_", "mi_"};
// Only with a prefix: a program may well call a function of its own so.
constexpr std::array<std::string_view, 4> kOnlyPrefixed = {"zalloc", "malloc_aligned", "zalloc_aligned", "realloc_aligned"};

// Itanium C++ ABI: operator new and delete, of one and of an array, with an alignment, without exceptions.
constexpr std::array kOperators = {
    Known{"_Znwm", FDR_HEAP_MALLOC},
    Known{"_Znam", FDR_HEAP_MALLOC},
    Known{"_ZnwmRKSt9nothrow_t", FDR_HEAP_MALLOC},
    Known{"_ZnamRKSt9nothrow_t", FDR_HEAP_MALLOC},
    Known{"_ZnwmSt11align_val_t", FDR_HEAP_MALLOC},
    Known{"_ZnamSt11align_val_t", FDR_HEAP_MALLOC},
    Known{"_ZnwmSt11align_val_tRKSt9nothrow_t", FDR_HEAP_MALLOC},
    Known{"_ZnamSt11align_val_tRKSt9nothrow_t", FDR_HEAP_MALLOC},
    Known{"_ZdlPv", FDR_HEAP_FREE},
    Known{"_ZdaPv", FDR_HEAP_FREE},
    Known{"_ZdlPvm", FDR_HEAP_FREE},
    Known{"_ZdaPvm", FDR_HEAP_FREE},
    Known{"_ZdlPvSt11align_val_t", FDR_HEAP_FREE},
    Known{"_ZdaPvSt11align_val_t", FDR_HEAP_FREE},
    Known{"_ZdlPvmSt11align_val_t", FDR_HEAP_FREE},
    Known{"_ZdaPvmSt11align_val_t", FDR_HEAP_FREE},
};

struct Found {
  fdr_heap_call call;
  std::uint64_t vaddr = 0, size = 0;
  std::string name;
  bool is_operator = false;
};

// Every name that is looked for. Built once: a large program has half a million symbols.
const std::unordered_map<std::string, Found>& known_names() {
  static const std::unordered_map<std::string, Found> names = [] {
    std::unordered_map<std::string, Found> all;
    for (const Known& known : kOperators) all.emplace(known.name, Found{known.call, 0, 0, std::string(known.name), true});
    for (const std::string_view prefix : kPrefixes) {
      for (const Known& known : kFunctions) {
        if (prefix.empty() && std::find(kOnlyPrefixed.begin(), kOnlyPrefixed.end(), known.name) != kOnlyPrefixed.end()) continue;
        const std::string name = std::string(prefix) + std::string(known.name);
        all.emplace(name, Found{known.call, 0, 0, name, false});
      }
    }
    return all;
  }();
  return names;
}

void add_table(const ElfImage& image, const char* table, const char* strings, std::map<std::uint64_t, Found>& found) {
  const auto entries = find_section(image, table), names = find_section(image, strings);
  if (!entries || !names) return;
  ByteCursor cursor(entries->bytes);
  while (cursor.left() >= sizeof(Elf64_Sym)) {
    const auto symbol = cursor.read<Elf64_Sym>();
    // An indirect function is the one that chooses, not the one that is called.
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF || symbol.st_name >= names->bytes.size()) continue;
    const auto rest = names->bytes.subspan(symbol.st_name);
    const auto known = known_names().find(std::string(ByteCursor(rest.first(std::min(rest.size(), kMaxName))).text()));
    if (known == known_names().end()) continue;
    Found one = known->second;
    one.vaddr = symbol.st_value;
    one.size = symbol.st_size;
    found.try_emplace(symbol.st_value, std::move(one));
  }
}

std::span<const std::uint8_t> code_of(const ElfImage& image, const Found& function) {
  const auto offset = image.offset_of_vaddr(function.vaddr);
  if (!offset || *offset >= image.bytes().size()) return {};
  return image.bytes().subspan(*offset, std::min({std::size_t{function.size}, kMaxCode, image.bytes().size() - *offset}));
}

// Whether a function calls, or ends in a jump to, one at `target`: E8 and E9 with the distance from the next instruction (Intel SDM 2, CALL).
// Bytes that only look so are no harm: they would have to point there.
bool leads_to(const ElfImage& image, const Found& from, std::uint64_t target) {
  const auto code = code_of(image, from);
  for (std::size_t at = 0; at + 5 <= code.size(); ++at) {
    if (code[at] != 0xe8 && code[at] != 0xe9) continue;
    std::int32_t distance = 0;
    std::memcpy(&distance, code.data() + at + 1, sizeof distance);
    if (from.vaddr + at + 5 + static_cast<std::uint64_t>(std::int64_t{distance}) == target) return true;
  }
  return false;
}

// How far behind its first byte a function is best probed. A `push` the kernel emulates (arch/x86/kernel/uprobes.c); what it does not know it
// copies and steps through, with a second trap: 1.1 us against 4.4 where that was measured. So what comes before a push is passed over, as far
// as it leaves the stack pointer and the arguments as they are: endbr64, a comparison with a variable, and free's look for no block at all.
std::uint64_t probe_point(std::span<const std::uint8_t> code, fdr_heap_call call) {
  const auto at_is = [&](std::size_t at, std::initializer_list<std::uint8_t> bytes) { return code.size() - at >= bytes.size() && std::equal(bytes.begin(), bytes.end(), code.begin() + static_cast<std::ptrdiff_t>(at)); };
  std::size_t at = 0;
  for (;;) {
    if (at_is(at, {0xf3, 0x0f, 0x1e, 0xfa})) at += 4;                                             // endbr64
    else if (at_is(at, {0x80, 0x3d}) && code.size() - at > 7) at += 7;                            // cmpb $x,y(%rip)
    else if (call == FDR_HEAP_FREE && at_is(at, {0x48, 0x85, 0xff, 0x74}) && code.size() - at > 5) at += 5;        // test %rdi,%rdi; je
    else if (call == FDR_HEAP_FREE && at_is(at, {0x48, 0x85, 0xff, 0x0f, 0x84}) && code.size() - at > 9) at += 9;
    else break;
  }
  const auto is_push = [&](std::size_t place) { return place < code.size() && (code[place] & 0xf8) == 0x50; };
  return is_push(at) || (at_is(at, {0x41}) && is_push(at + 1)) ? at : 0;
}

bool is_code(const ElfImage& image, std::uint64_t offset) {
  return std::any_of(image.segments().begin(), image.segments().end(),
                     [&](const ElfImage::Segment& segment) { return segment.executable && offset >= segment.offset && offset - segment.offset < segment.file_size; });
}

}  // namespace

std::vector<AllocatorFunction> allocator_functions(const ElfImage& image) {
  std::map<std::uint64_t, Found> found;  // by vaddr
  add_table(image, ".dynsym", ".dynstr", found);
  add_table(image, ".symtab", ".strtab", found);
  std::vector<std::uint64_t> mallocs;
  bool frees = false;
  for (const auto& [vaddr, one] : found) {
    if (one.call == FDR_HEAP_MALLOC && !one.is_operator) mallocs.push_back(vaddr);
    frees |= one.call == FDR_HEAP_FREE && !one.is_operator;
  }
  std::vector<AllocatorFunction> functions;
  if (mallocs.empty() || !frees) return functions;
  const auto ends_in_malloc = [&](const Found& one) { return std::any_of(mallocs.begin(), mallocs.end(), [&](std::uint64_t target) { return leads_to(image, one, target); }); };
  // The library of C++ linked in: its operators are on the way to malloc, whichever of them show it.
  bool operators_call = false;
  for (const auto& [vaddr, one] : found) operators_call |= one.is_operator && one.call == FDR_HEAP_MALLOC && ends_in_malloc(one);
  for (const auto& [vaddr, one] : found) {
    if (functions.size() == kMost) break;
    if (one.is_operator && operators_call) continue;
    const auto offset = image.offset_of_vaddr(vaddr);
    if (!offset || !is_code(image, *offset)) continue;
    std::uint64_t cookie = one.call;
    if (one.call == FDR_HEAP_REALLOC && ends_in_malloc(one)) cookie |= FDR_HEAP_NULL_CALLS_MALLOC;
    functions.push_back({*offset + probe_point(code_of(image, one), one.call), cookie, one.name});
  }
  std::sort(functions.begin(), functions.end(), [](const AllocatorFunction& a, const AllocatorFunction& b) { return a.offset < b.offset; });
  return functions;
}

}  // namespace fdr

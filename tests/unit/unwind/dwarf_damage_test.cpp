// Damaged and hostile DWARF: no crash, an end in bounded time, and no more than one entry for each address.
#include <doctest/doctest.h>
#include <dwarf.h>

#include <cstring>
#include <map>
#include <numeric>
#include <string>

#include "formats/error.hpp"
#include "tests/unit/unwind/made_up_elf.hpp"
#include "tests/unit/unwind/stack_fixture.hpp"
#include "unwind/debug_file.hpp"
#include "unwind/dwarf_names.hpp"

using namespace fdr;

namespace {

using Bytes = std::vector<std::uint8_t>;
using Chains = std::vector<std::vector<SourceFrame>>;

constexpr std::uint64_t kCode = 0x1000, kCodeEnd = 0x2000;

Chains names_of(Bytes file, const std::vector<std::uint64_t>& addresses) {
  std::string problem;
  const auto image = ElfImage::from_memory(std::move(file), &problem);
  if (!image) return {};
  try {
    DebugFile debug(*image, {});
    return debug.dwarf() ? dwarf_names(debug.dwarf(), addresses) : Chains{};
  } catch (const Error&) {  // libdwfl refuses the file
    return {};
  }
}

struct Section {
  std::size_t offset = 0, size = 0;
};

std::map<std::string, Section> debug_sections(const Bytes& file) {
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof(header));
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  std::memcpy(sections.data(), file.data() + header.e_shoff, sections.size() * sizeof(Elf64_Shdr));
  std::map<std::string, Section> found;
  for (const Elf64_Shdr& section : sections) {
    const char* name =
        reinterpret_cast<const char*>(file.data()) + sections[header.e_shstrndx].sh_offset + section.sh_name;
    if (std::strncmp(name, ".debug_", 7) == 0) found[name] = {section.sh_offset, section.sh_size};
  }
  return found;
}

// An image of code without bytes of its own, and of these sections.
Bytes made_up(const std::map<std::string, Bytes>& sections) {
  Bytes file(0x400);
  const Elf64_Phdr program{PT_LOAD, PF_R | PF_X, 0, 0, 0, 0x400, kCodeEnd, 0x1000};
  test::put_elf_head(file, {&program, 1});
  std::vector<Elf64_Shdr> headers(1);
  Bytes names{0};
  const auto add = [&](const std::string& name, const Bytes& bytes, std::uint32_t type) {
    Elf64_Shdr header{};
    header.sh_name = static_cast<Elf64_Word>(names.size());
    header.sh_type = type;
    header.sh_offset = file.size();
    header.sh_size = bytes.size();
    header.sh_addralign = 1;
    names.insert(names.end(), name.begin(), name.end());
    names.push_back(0);
    file.insert(file.end(), bytes.begin(), bytes.end());
    headers.push_back(header);
  };
  for (const auto& [name, bytes] : sections) add(name, bytes, SHT_PROGBITS);
  names.reserve(names.size() + 16);
  add(".shstrtab", {}, SHT_STRTAB);
  headers.back().sh_size = names.size();
  file.insert(file.end(), names.begin(), names.end());
  while (file.size() % 8) file.push_back(0);
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof(header));
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof(header);
  header.e_shoff = file.size();
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<Elf64_Half>(headers.size());
  header.e_shstrndx = static_cast<Elf64_Half>(headers.size() - 1);
  std::memcpy(file.data(), &header, sizeof(header));
  const auto* raw = reinterpret_cast<const std::uint8_t*>(headers.data());
  file.insert(file.end(), raw, raw + headers.size() * sizeof(Elf64_Shdr));
  return file;
}

template <class T>
void put(Bytes& to, T value) {
  const auto* raw = reinterpret_cast<const std::uint8_t*>(&value);
  to.insert(to.end(), raw, raw + sizeof(value));
}

void put_text(Bytes& to, const std::string& text) {
  to.insert(to.end(), text.begin(), text.end());
  to.push_back(0);
}

enum : std::uint8_t { kUnit = 1, kFunction, kCallWithSibling, kCallWithRanges, kCall, kFunctionWithSibling };
const Bytes kAbbreviations = {kUnit,
                              DW_TAG_compile_unit,
                              1,
                              DW_AT_low_pc,
                              DW_FORM_addr,
                              DW_AT_high_pc,
                              DW_FORM_data8,
                              0,
                              0,  //
                              kFunction,
                              DW_TAG_subprogram,
                              1,
                              DW_AT_name,
                              DW_FORM_string,
                              DW_AT_low_pc,
                              DW_FORM_addr,
                              DW_AT_high_pc,
                              DW_FORM_data8,
                              0,
                              0,  //
                              kCallWithSibling,
                              DW_TAG_inlined_subroutine,
                              1,
                              DW_AT_name,
                              DW_FORM_string,
                              DW_AT_low_pc,
                              DW_FORM_addr,
                              DW_AT_high_pc,
                              DW_FORM_data8,
                              DW_AT_sibling,
                              DW_FORM_ref4,
                              0,
                              0,  //
                              kCallWithRanges,
                              DW_TAG_inlined_subroutine,
                              0,
                              DW_AT_name,
                              DW_FORM_string,
                              DW_AT_ranges,
                              DW_FORM_sec_offset,
                              0,
                              0,  //
                              kCall,
                              DW_TAG_inlined_subroutine,
                              0,
                              DW_AT_name,
                              DW_FORM_string,
                              DW_AT_low_pc,
                              DW_FORM_addr,
                              DW_AT_high_pc,
                              DW_FORM_data8,
                              0,
                              0,  //
                              kFunctionWithSibling,
                              DW_TAG_subprogram,
                              1,
                              DW_AT_name,
                              DW_FORM_string,
                              DW_AT_low_pc,
                              DW_FORM_addr,
                              DW_AT_high_pc,
                              DW_FORM_data8,
                              DW_AT_sibling,
                              DW_FORM_ref4,
                              0,
                              0,  //
                              0};

void put_entry(Bytes& to, std::uint8_t abbreviation, const std::string& name) {
  to.push_back(abbreviation);
  put_text(to, name);
  put<std::uint64_t>(to, kCode);
  put<std::uint64_t>(to, kCodeEnd - kCode);
}

// A DWARF 4 unit over all the code, with `body` as its entries.
Bytes unit_of(const Bytes& body) {
  Bytes unit;
  put<std::uint32_t>(unit, 0);
  put<std::uint16_t>(unit, 4);
  put<std::uint32_t>(unit, 0);
  unit.push_back(8);
  unit.push_back(kUnit);
  put<std::uint64_t>(unit, kCode);
  put<std::uint64_t>(unit, kCodeEnd - kCode);
  unit.insert(unit.end(), body.begin(), body.end());
  unit.push_back(0);
  const auto length = static_cast<std::uint32_t>(unit.size() - 4);
  std::memcpy(unit.data(), &length, sizeof(length));
  return unit;
}

constexpr std::uint32_t kBody = 4 + 2 + 4 + 1 + 1 + 8 + 8;  // where the entries of unit_of() begin

std::vector<std::string> functions(const std::vector<SourceFrame>& chain) {
  std::vector<std::string> names;
  for (const SourceFrame& frame : chain) names.push_back(frame.function);
  return names;
}

}  // namespace

TEST_CASE("damaged DWARF of any version: no crash, and one entry for each address") {
  std::vector<std::uint64_t> addresses(0x100);
  std::iota(addresses.begin(), addresses.end(), 0x3c0);
  std::uint64_t seed = 1;
  const auto random = [&] { return seed = seed * 6364136223846793005u + 1442695040888963407u, seed >> 33; };
  std::size_t named = 0, nameless = 0;
  for (const char* name : {"symbols/full.so", "symbols/full4.so"}) {
    const Bytes whole = test::read_data(name);
    const auto sections = debug_sections(whole);
    REQUIRE(sections.size() >= 5);
    for (const auto& [section, where] : sections) {
      for (int round = 0; round < 100; ++round) {
        Bytes bytes = whole;
        for (int i = 0; i < 1 << (round % 7); ++i) {
          std::uint8_t& byte = bytes[where.offset + random() % where.size];
          byte = round % 2 ? static_cast<std::uint8_t>(byte ^ (1u << (random() % 8)))
                           : static_cast<std::uint8_t>(random());
        }
        const Chains chains = names_of(std::move(bytes), addresses);
        REQUIRE((chains.empty() || chains.size() == addresses.size()));
        for (const auto& chain : chains) ++(chain.empty() ? nameless : named);
      }
    }
  }
  CHECK(named > 10'000);
  CHECK(nameless > 10'000);
}

TEST_CASE("where inlined calls side by side claim the same code, the last one has it") {
  Bytes body;
  put_entry(body, kFunction, "outer");
  put_entry(body, kCall, "first");
  put_entry(body, kCall, "last");
  body.push_back(0);
  const Chains chains = names_of(made_up({{".debug_info", unit_of(body)}, {".debug_abbrev", kAbbreviations}}), {kCode});
  REQUIRE(chains.size() == 1);
  CHECK(functions(chains[0]) == std::vector<std::string>{"last", "outer"});
}

TEST_CASE("a tree that leads to itself again and again ends") {
  // Each entry names its own first child as its sibling: 2^100 ways to the last one.
  Bytes body;
  for (int level = 0; level < 100; ++level) {
    put_entry(body, level == 0 ? kFunctionWithSibling : kCallWithSibling, "f" + std::to_string(level));
    const auto next = kBody + static_cast<std::uint32_t>(body.size() + sizeof(std::uint32_t));
    put<std::uint32_t>(body, next);
  }
  for (int level = 0; level < 100; ++level) body.push_back(0);
  const Chains chains = names_of(made_up({{".debug_info", unit_of(body)}, {".debug_abbrev", kAbbreviations}}), {kCode});
  REQUIRE(chains.size() == 1);
  CHECK_FALSE(chains[0].empty());
  CHECK(chains[0].size() <= 100);
}

TEST_CASE("ranges without end, claimed by many entries, end") {
  Bytes ranges;
  for (int i = 0; i < 100'000; ++i) {
    put<std::uint64_t>(ranges, 0);
    put<std::uint64_t>(ranges, kCodeEnd - kCode);  // of the unit's low_pc
  }
  put<std::uint64_t>(ranges, 0);
  put<std::uint64_t>(ranges, 0);
  Bytes body;
  put_entry(body, kFunction, "outer");
  for (int i = 0; i < 10'000; ++i) {
    body.push_back(kCallWithRanges);
    put_text(body, "x");
    put<std::uint32_t>(body, 0);
  }
  body.push_back(0);
  std::vector<std::uint64_t> addresses(kCodeEnd - kCode);
  std::iota(addresses.begin(), addresses.end(), kCode);
  const Chains chains =
      names_of(made_up({{".debug_info", unit_of(body)}, {".debug_abbrev", kAbbreviations}, {".debug_ranges", ranges}}),
               addresses);
  REQUIRE(chains.size() == addresses.size());
  for (const auto& chain : chains) {
    REQUIRE((chain.size() == 1 || chain.size() == 2));
    CHECK(chain.back().function == "outer");
  }
}

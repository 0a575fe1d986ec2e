// Functions, inline chains and lines for many addresses of one file at once: addresses are sorted, every compilation
// unit that holds any is walked once, and only its functions that hold any are descended into. Needs no .debug_aranges
// (clang and rustc write none). DWARF is hostile: the depth is bounded, and so is, in proportion to the file's size,
// what is looked at. libdw is named in dwarf_names.cpp alone. One thread per Dwarf.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "formats/stacks.hpp"

struct Dwarf;

namespace fdr {

// `addresses` sorted, as the DWARF has them. One entry for each, innermost first, empty where the DWARF says nothing;
// the outermost function may be nameless where only a line is known. `in_function`, by index, tells whether an address
// lies in a function at all: padding is not worth a search through all of a unit. `missing` gets the files of split
// DWARF (-gsplit-dwarf) that hold functions of these addresses and are not where they were built, or are no plain files there: libdw opens what
// the DWARF names without asking. `directory` is where the file with the DWARF lies: their paths may be relative to it.
std::vector<std::vector<SourceFrame>> dwarf_names(Dwarf* dwarf, std::span<const std::uint64_t> addresses,
                                                  const std::function<bool(std::size_t)>& in_function = {},
                                                  std::vector<std::string>* missing = nullptr, const std::string& directory = {});

}  // namespace fdr

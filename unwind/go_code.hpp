// Which variables the code of a Go program's functions refers to: where a stripped program has no symbols for its runtime's
// variables, the functions that use them (named by the pclntab) still hold their addresses, relative to the instruction
// (x86-64: ModRM with mod 0 and rm 5). A guess at every byte, without a disassembler: whoever takes an address from here must
// check what lies there. Hostile: sizes are bounded. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "unwind/elf_image.hpp"
#include "unwind/go_pclntab.hpp"

namespace fdr {

// vaddrs in data that may be written, in the order of the code, each once; for each of the functions that there is.
std::map<std::string_view, std::vector<std::uint64_t>> go_data_references(const ElfImage& image, const GoPclntab& table,
                                                                          std::span<const std::string_view> functions);

}  // namespace fdr

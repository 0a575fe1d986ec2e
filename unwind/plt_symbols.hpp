// Names for the stubs of the procedure linkage table, which have none: "read@plt" is the stub that jumps to where the dynamic linker put
// read. Told from the stub's own jump (through which word) and the relocation of that word. Section headers are used where there are
// any; hostile files give fewer names. Any thread.
#pragma once

#include <vector>

#include "unwind/elf_image.hpp"
#include "unwind/elf_symbols.hpp"

namespace fdr {

std::vector<ElfSymbol> plt_symbols(const ElfImage& image);

}  // namespace fdr

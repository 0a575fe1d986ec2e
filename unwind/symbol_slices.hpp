// The functions that a recording touched, out of the symbol tables of the files, at the dump: what modules.json keeps so
// that the bundle can be read where the files are not. Cheap: a table is gone through once, and only symbols around a
// recorded address are looked at further; no DWARF. Sources: .symtab, else .gnu_debugdata, .dynsym and Go's pclntab; the
// stubs of the linkage table; what has no symbol is bounded by its unwind entry. Files are hostile: they give fewer
// names. One thread.
#pragma once

#include <span>
#include <vector>

#include "formats/modules.hpp"
#include "formats/stacks.hpp"
#include "unwind/elf_image.hpp"
#include "unwind/module_files.hpp"

namespace fdr {

// `offsets`: of frames in this file.
ModuleSlice symbol_slice(const ElfImage& image, std::span<const std::uint64_t> offsets);

// Of every module with frames that `files` can find; indexed like stacks.modules().
std::vector<ModuleSlice> symbol_slices(const StackTable& stacks, ModuleFiles& files);

}  // namespace fdr

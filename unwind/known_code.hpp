// Code that has no unwind information anywhere, and needs none: the program's entry point, which the kernel jumps to
// and nobody called (psABI 3.4.1), and the restorers that signal handlers return to (rt_sigreturn). musl and the loader
// of glibc have both without tables. Told by its bytes. Any thread.
#pragma once

#include <vector>

#include "unwind/elf_image.hpp"
#include "unwind/row.h"

namespace fdr {

// Rows with gaps between them, to be laid under `rows`: only what is a gap there is looked at.
std::vector<fdr_row> known_code_rows(const ElfImage& image, const std::vector<fdr_row>& rows);

}  // namespace fdr

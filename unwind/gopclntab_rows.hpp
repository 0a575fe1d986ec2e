// Unwind rows from Go's pclntab: Go's own linker writes no .eh_frame. The stack pointer's distance from the CFA is
// exact there; whether rbp was saved is read from the prologue. Roots are the frames at which Go's own traceback ends.
// Nothing is thrown for damage: what could be read is returned, with a reason. Any thread.
#pragma once

#include "unwind/image_rows.hpp"

namespace fdr {

// No rows and no reason where the image is not Go's.
ImageRows gopclntab_rows(const ElfImage& image);

}  // namespace fdr

// Unwind rows from an image's .eh_frame (LSB 10.6: DWARF call frame information, as it is loaded). Found by the program
// headers (PT_GNU_EH_FRAME), else by its section. Nothing is thrown for damage: what could be read is returned, with a
// reason for the rest. Time and memory are linear in the size of the file, and bounded. Any thread.
#pragma once

#include "unwind/image_rows.hpp"

namespace fdr {

ImageRows eh_frame_rows(const ElfImage& image);

}  // namespace fdr

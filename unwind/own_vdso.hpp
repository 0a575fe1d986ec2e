// The vDSO of this process. The kernel gives every process of a host the same pages, so ours serve for all; of another
// kernel they may be others, which their build-id tells. It is found by the auxiliary vector (getauxval(3):
// AT_SYSINFO_EHDR), no file is read. Any thread.
#pragma once

#include <memory>

#include "unwind/elf_image.hpp"

namespace fdr {

std::unique_ptr<ElfImage> own_vdso();  // a copy; nullptr where there is none

}  // namespace fdr

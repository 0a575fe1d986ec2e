// The vDSO. The kernel gives every process of a host the same pages: ours serve for all. Any thread.
#pragma once

#include <memory>

#include "unwind/elf_image.hpp"

namespace fdr {

std::unique_ptr<ElfImage> own_vdso();  // nullptr where there is none

}  // namespace fdr

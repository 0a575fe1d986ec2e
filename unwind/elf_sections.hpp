// One section of an image by its name: a short cut that stripped files lack and that may lie, so nothing may depend on
// finding it. Checked against the file's length. A view: the image must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "unwind/elf_image.hpp"

namespace fdr {

struct ElfSection {
  std::uint64_t vaddr = 0;
  std::span<const std::uint8_t> bytes;
};

// Nothing where there is no such section, or none with bytes in the file.
std::optional<ElfSection> find_section(const ElfImage& image, std::string_view name);

}  // namespace fdr

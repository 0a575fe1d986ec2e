// Pointers that an image holds in its data, as the loader will have set them: a position-independent image has zeros
// there and relative relocations (R_X86_64_RELATIVE) instead. Hostile: every offset is checked, the number of
// relocations is bounded by the file. A view: the image must outlive it. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "unwind/elf_image.hpp"

namespace fdr {

class ElfPointers {
 public:
  explicit ElfPointers(const ElfImage& image);

  // The vaddr that the 8 bytes at `vaddr` hold once loaded; nothing where there are none.
  std::optional<std::uint64_t> at(std::uint64_t vaddr) const;
  // Where pointers to `target` lie, in the order of the file; at most `most`.
  std::vector<std::uint64_t> to(std::uint64_t target, std::size_t most) const;

 private:
  const ElfImage* image_;
  std::span<const std::uint8_t> relocations_;
};

}  // namespace fdr

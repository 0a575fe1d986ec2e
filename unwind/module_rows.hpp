// All unwind rows of one image, from whichever tables it has: .eh_frame, Go's pclntab where that says nothing (Go's own
// linker writes no .eh_frame; with cgo there are both), and what is known of code without either: where the kernel
// starts a program, and where its signal handlers return to. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "unwind/address_space.hpp"
#include "unwind/elf_image.hpp"
#include "unwind/row.h"

namespace fdr {

struct ModuleRows {
  std::vector<fdr_row> rows;  // sorted by pc, the last one a gap; empty where the image has no unwind information
  std::uint64_t base = 0;     // vaddr that rows count from

  std::size_t complex = 0;    // rows of rule FDR_ROW_COMPLEX
  std::size_t functions = 0;  // that rows were made of
  std::size_t refused = 0;    // that could not be read
  bool has_go = false;
  std::string reason;  // why something is missing; empty where nothing is

  std::size_t bytes() const { return rows.size() * sizeof(fdr_row); }
  // fdr_segment.bias where the byte that the linker put at `vaddr` is mapped at `address`.
  std::uint64_t bias(std::uint64_t address, std::uint64_t vaddr) const { return address - (vaddr - base); }
};

// Never throws for what is in the file.
ModuleRows rows_of(const ElfImage& image);

// The bias of a mapping of an image with these segments, whose rows count from `base`. Nothing where the mapping shows no executable
// segment of it.
std::optional<std::uint64_t> row_bias(const Mapping& mapping, std::span<const ElfImage::Segment> segments, std::uint64_t base);

}  // namespace fdr

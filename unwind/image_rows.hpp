// The unwind rows of one image, and what was left out of them. Rows are sorted by pc, neighbours differ, and the last
// one is a gap; none where the image has no unwind information. A value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "unwind/elf_image.hpp"
#include "unwind/row.h"

namespace fdr {

// Of one image: past it the rest is left out, and said. libclang has 0.9 million.
inline constexpr std::size_t kMaxImageRows = 4'000'000;

struct ImageRows {
  std::vector<fdr_row> rows;
  std::size_t functions = 0;  // that rows were made of
  std::size_t refused = 0;    // that could not be read, or only in part
  std::string reason;         // why something is missing, the first one met; empty where nothing is
};

inline void note(ImageRows& result, const char* reason) {
  if (result.reason.empty()) result.reason = reason;
}

// Rows count from here: the lowest vaddr of a PT_LOAD.
inline std::uint64_t row_base(const ElfImage& image) {
  std::uint64_t base = UINT64_MAX;
  for (const ElfImage::Segment& segment : image.segments()) base = std::min(base, segment.vaddr);
  return base;
}

inline bool same_rule(const fdr_row& a, const fdr_row& b) {
  return a.cfa == b.cfa && a.rbp == b.rbp && a.rule == b.rule;
}

// `row.pc` is not below the last one's; the row replaces what began there.
inline void append_row(std::vector<fdr_row>& rows, const fdr_row& row) {
  if (!rows.empty() && rows.back().pc == row.pc) rows.pop_back();
  if (rows.empty() || !same_rule(rows.back(), row)) rows.push_back(row);
}

inline fdr_row make_row(std::uint64_t pc, fdr_rule rule, std::int64_t cfa = 0, int rbp = FDR_RBP_SAME) {
  return {static_cast<fdr_u32>(pc), static_cast<fdr_s16>(cfa), static_cast<fdr_s8>(rbp), static_cast<fdr_u8>(rule)};
}

// The end of the executable segment around `vaddr`, clipped to what a row's 32 bits reach; 0 where there is none.
inline std::uint64_t code_end(const ElfImage& image, std::uint64_t vaddr, std::uint64_t base) {
  for (const ElfImage::Segment& segment : image.segments())
    if (segment.executable && vaddr >= segment.vaddr && vaddr - segment.vaddr < segment.memory_size && vaddr >= base &&
        vaddr - base < UINT32_MAX)
      return std::min(segment.vaddr + segment.memory_size, base + UINT32_MAX);
  return 0;
}

}  // namespace fdr

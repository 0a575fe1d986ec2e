#include "unwind/module_rows.hpp"

#include "unwind/eh_frame_rows.hpp"
#include "unwind/gopclntab_rows.hpp"
#include "unwind/image_rows.hpp"
#include "unwind/known_code.hpp"

namespace fdr {

namespace {

// What `upper` says, and where that is a gap, what `lower` says.
std::vector<fdr_row> overlay(std::vector<fdr_row> upper, std::vector<fdr_row> lower) {
  if (upper.empty()) return lower;
  if (lower.empty()) return upper;
  std::vector<fdr_row> merged;
  merged.reserve(upper.size() + lower.size());
  fdr_row above = make_row(0, FDR_ROW_GAP), below = above;
  std::size_t i = 0, k = 0;
  while (i < upper.size() || k < lower.size()) {
    const bool take_upper = k == lower.size() || (i < upper.size() && upper[i].pc <= lower[k].pc);
    const fdr_u32 pc = take_upper ? upper[i].pc : lower[k].pc;
    if (i < upper.size() && upper[i].pc == pc) above = upper[i++];
    if (k < lower.size() && lower[k].pc == pc) below = lower[k++];
    fdr_row row = above.rule == FDR_ROW_GAP ? below : above;
    row.pc = pc;
    append_row(merged, row);
  }
  return merged;
}

void take_counts(ModuleRows& result, const ImageRows& part) {
  result.functions += part.functions;
  result.refused += part.refused;
}

}  // namespace

ModuleRows rows_of(const ElfImage& image) {
  ModuleRows result;
  result.base = row_base(image);
  ImageRows frames = eh_frame_rows(image);
  ImageRows go = gopclntab_rows(image);
  result.has_go = !go.rows.empty();
  take_counts(result, frames);
  take_counts(result, go);
  // An image that has Go's table alone lacks nothing.
  result.reason = result.has_go && frames.rows.empty() ? go.reason : frames.reason.empty() ? go.reason : frames.reason;
  result.rows = overlay(std::move(frames.rows), std::move(go.rows));
  std::vector<fdr_row> known = known_code_rows(image, result.rows);
  result.rows = overlay(std::move(result.rows), std::move(known));
  for (const fdr_row& row : result.rows) result.complex += row.rule == FDR_ROW_COMPLEX;
  return result;
}

std::optional<std::uint64_t> row_bias(const Mapping& mapping, std::span<const ElfImage::Segment> segments, std::uint64_t base) {
  // The mapping begins at a page, the ELF segment it shows may begin behind it: both say the same difference.
  const std::uint64_t begin = mapping.file_offset, bytes = mapping.end - mapping.start;
  for (const ElfImage::Segment& segment : segments) {
    if (!segment.executable || segment.offset >= begin + bytes || segment.offset + segment.file_size <= begin) continue;
    return mapping.start - begin + segment.offset - segment.vaddr + base;
  }
  return std::nullopt;
}

}  // namespace fdr

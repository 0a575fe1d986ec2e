// ELF images and the unwind tables in them.
#include <elf.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/targets.hpp"
#include "tests/unit/unwind/made_up_elf.hpp"
#include "unwind/cfi_program.hpp"
#include "unwind/eh_frame_header.hpp"
#include "unwind/eh_frame_rows.hpp"
#include "unwind/elf_image.hpp"
#include "unwind/go_pclntab.hpp"
#include "unwind/gopclntab_rows.hpp"
#include "unwind/image_rows.hpp"
#include "unwind/module_rows.hpp"
#include "unwind/plt_symbols.hpp"
#include "unwind/row_walker.hpp"

namespace fdr::fuzz {

namespace {

constexpr std::uint64_t kTextVaddr = 0x1000, kTextBytes = 0x1000, kDataOffset = 0x2000, kDataVaddr = 0x100000;

void check_rows(const std::vector<fdr_row>& rows, std::size_t most) {
  FDR_PROMISE(rows.size() <= most);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    FDR_PROMISE(rows[i].rule < FDR_RULES);
    if (rows[i].rule == FDR_ROW_COMPLEX) FDR_PROMISE(rows[i].cfa > FDR_COMPLEX_NONE && rows[i].cfa < FDR_COMPLEXES);
    if (i > 0) FDR_PROMISE(rows[i - 1].pc < rows[i].pc && !same_rule(rows[i - 1], rows[i]));
  }
  if (!rows.empty()) FDR_PROMISE(rows.back().rule == FDR_ROW_GAP);
}

// A walk through these rows over a stack of the file's own bytes ends.
void walk_through(const std::vector<fdr_row>& rows, Bytes stack) {
  const fdr_segment code{0x400000, 0x400000 + (std::uint64_t{1} << 32), 0x400000, 0, static_cast<fdr_u32>(rows.size())};
  const auto read = [&](std::uint64_t address, std::uint64_t* word) {
    if (address >= stack.size() || stack.size() - address < sizeof *word) return false;
    std::memcpy(word, stack.data() + address, sizeof *word);
    return true;
  };
  std::vector<std::uint64_t> frames(FDR_MAX_FRAMES);
  for (std::size_t i = 0; i < rows.size(); i += 1 + rows.size() / 16) {
    const RowWalk walk = walk_rows({{&code, 1}, rows}, {.ip = 0x400000ull + rows[i].pc, .sp = 0, .bp = 16}, read, frames);
    FDR_PROMISE(walk.frames <= FDR_MAX_FRAMES && walk.end != FDR_WALK_ON);
  }
}

// Code of no-ops at kTextVaddr, and the bytes as read-only data behind it.
std::unique_ptr<ElfImage> image_of(Bytes data, bool frames) {
  std::vector<std::uint8_t> file(kDataOffset, 0x90);
  const std::uint64_t vaddr = frames ? kDataOffset : kDataVaddr;
  const Elf64_Phdr programs[4] = {
      {PT_LOAD, PF_R, 0, 0, 0, kTextVaddr - 8, kTextVaddr - 8, 0x1000},
      {PT_LOAD, PF_R | PF_X, kTextVaddr, kTextVaddr, kTextVaddr, kTextBytes, kTextBytes, 0x1000},
      {PT_LOAD, PF_R, kDataOffset, vaddr, vaddr, data.size(), data.size(), 0x1000},
      {PT_GNU_EH_FRAME, PF_R, kTextVaddr - 8, kTextVaddr - 8, kTextVaddr - 8, 8, 8, 4},
  };
  test::put_elf_head(file, std::span(programs).first(frames ? 4 : 3));
  // Version 1, an address relative to itself, and no search table: the frames lie at kDataOffset.
  const std::uint8_t header[8] = {1, 0x1b, 0xff, 0xff, 0x04, 0x10, 0, 0};
  std::memcpy(file.data() + kTextVaddr - 8, header, sizeof header);
  file.insert(file.end(), data.begin(), data.end());
  std::string problem;
  return ElfImage::from_memory(std::move(file), &problem);
}

}  // namespace

void elf_image(Bytes bytes) {
  std::string problem;
  const auto image = ElfImage::from_memory({bytes.begin(), bytes.end()}, &problem);
  FDR_PROMISE(image || !problem.empty());
  if (!image) return;
  for (const ElfImage::Segment& segment : image->segments()) {
    const auto vaddr = image->vaddr_of_offset(segment.offset);
    if (vaddr && segment.file_size > 0) FDR_PROMISE(image->offset_of_vaddr(*vaddr).has_value());
    row_bias({.start = 0x1000, .end = 0x2000, .file_offset = segment.offset, .module = {}}, image->segments(), row_base(*image));
  }
  if (const auto header = EhFrameHeader::of(*image)) {
    for (const ElfImage::Segment& segment : image->segments())
      for (std::uint64_t at = 0; at < std::min<std::uint64_t>(segment.memory_size, 0x4000); at += 0x33)
        if (const auto function = header->function_at(segment.vaddr + at))
          FDR_PROMISE(function->start <= segment.vaddr + at && segment.vaddr + at < function->end);
  }
  plt_symbols(*image);
  const ModuleRows rows = rows_of(*image);
  check_rows(rows.rows, 16 * bytes.size());
  walk_through(rows.rows, bytes);
}

void call_frames(Bytes bytes) {
  const auto image = image_of(bytes, true);
  if (!image) return;
  const ImageRows rows = eh_frame_rows(*image);
  check_rows(rows.rows, 4 * bytes.size() + 4);
  walk_through(rows.rows, bytes);
}

void pclntab(Bytes bytes) {
  const auto image = image_of(bytes, false);
  if (!image) return;
  std::string problem;
  if (const auto table = GoPclntab::of(*image, &problem)) {
    std::uint64_t end = 0;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(table->functions(), 1000); ++i) {
      const auto function = table->function(i);
      if (!function) continue;
      FDR_PROMISE(function->entry < function->end && function->entry >= table->begin() && function->end <= table->end());
      end = function->end;
    }
    FDR_PROMISE(end <= table->end());
  }
  const ImageRows rows = gopclntab_rows(*image);
  check_rows(rows.rows, 16 * bytes.size() + 4);
  walk_through(rows.rows, bytes);
}

}  // namespace fdr::fuzz

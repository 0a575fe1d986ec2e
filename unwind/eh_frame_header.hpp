// .eh_frame_hdr of one image: where .eh_frame is, and the table of functions sorted by address that the linker made
// beside it. Only the form of table that every linker writes is read (version 1, entries of two signed 32-bit numbers
// relative to the header); anything else counts as no table. All values are the linker's (vaddr), and hostile: lookups
// are bounded, and answer nothing where the table does not hold together. A view: the image must outlive it. Any
// thread.
#pragma once

#include <cstdint>
#include <optional>

#include "unwind/elf_image.hpp"

namespace fdr {

// What it begins with, whatever its table is like (LSB 10.6.2).
struct EhFrameHead {
  // Nothing where the image has none, or one that does not say in any known way where .eh_frame is.
  static std::optional<EhFrameHead> of(const ElfImage& image);

  std::uint64_t eh_frame = 0;  // vaddr
  std::uint8_t count_encoding = 0, table_encoding = 0;
  std::uint64_t size = 0;  // bytes: the count of the table's entries follows
};

class EhFrameHeader {
 public:
  // Nothing where the image has no such table.
  static std::optional<EhFrameHeader> of(const ElfImage& image);

  std::uint64_t base() const { return base_; }              // vaddr of the header: entries are relative to it
  std::uint64_t table() const { return base_ + kTableAt; }  // vaddr of the first entry
  std::uint64_t entries() const { return entries_; }

  struct Function {
    std::uint64_t start = 0, end = 0;
  };
  // The function whose FDE covers `vaddr`. It may have no symbol, but it has a beginning and an end.
  std::optional<Function> function_at(std::uint64_t vaddr) const;

 private:
  static constexpr std::uint64_t kTableAt = 12;

  explicit EhFrameHeader(const ElfImage& image) : image_(&image) {}
  std::optional<std::int32_t> entry(std::uint64_t index, std::uint64_t field) const;
  std::optional<Function> read_fde(std::uint64_t vaddr) const;

  const ElfImage* image_;
  std::uint64_t base_ = 0, offset_ = 0, entries_ = 0;
};

}  // namespace fdr

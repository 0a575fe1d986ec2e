// A made-up image with unwind tables: one executable segment (0x1000..0x2000), .eh_frame_hdr at 0x2000 and .eh_frame at
// 0x3000. And its records, in all the forms that are read.
#pragma once

#include <doctest/doctest.h>
#include <elf.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/unwind/made_up_elf.hpp"
#include "unwind/elf_image.hpp"

namespace fdr::test {

inline constexpr std::uint32_t kEhFrameHeader = 0x2000, kEhFrame = 0x3000;

struct TableEntry {  // vaddrs
  std::uint32_t start = 0, fde = 0;
};

template <class T>
void append(std::vector<std::uint8_t>& to, T value) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  to.insert(to.end(), bytes, bytes + sizeof value);
}

// Without entries it has no table, and says so.
inline std::unique_ptr<ElfImage> image_of_eh_frame(const std::vector<std::uint8_t>& eh_frame,
                                                   const std::vector<TableEntry>& table = {}) {
  std::vector<std::uint8_t> header = {1, 0x1b, 0xff, 0xff, 0xfc, 0x0f, 0, 0};  // pcrel sdata4: 0x2004 + 0xffc = 0x3000
  if (!table.empty()) {
    header[2] = 0x03;  // udata4
    header[3] = 0x3b;  // datarel sdata4
    append(header, static_cast<std::uint32_t>(table.size()));
    for (const TableEntry& entry : table) {
      append(header, entry.start - kEhFrameHeader);
      append(header, entry.fde - kEhFrameHeader);
    }
  }
  std::vector<std::uint8_t> file(kEhFrame, 0x90);
  const std::uint64_t data = kEhFrame - kEhFrameHeader + eh_frame.size();
  const Elf64_Phdr programs[3] = {
      {PT_LOAD, PF_R | PF_X, 0, 0, 0, kEhFrameHeader, kEhFrameHeader, 0x1000},
      {PT_LOAD, PF_R, kEhFrameHeader, kEhFrameHeader, kEhFrameHeader, data, data, 0x1000},
      {PT_GNU_EH_FRAME, PF_R, kEhFrameHeader, kEhFrameHeader, kEhFrameHeader, header.size(), header.size(), 4}};
  put_elf_head(file, programs);
  std::memcpy(file.data() + kEhFrameHeader, header.data(), header.size());
  file.insert(file.end(), eh_frame.begin(), eh_frame.end());
  std::string problem;
  auto image = ElfImage::from_memory(std::move(file), &problem);
  REQUIRE_MESSAGE(image, problem);
  return image;
}

// A record of these bytes, which begin with its id.
inline std::vector<std::uint8_t> eh_record(const std::vector<std::uint8_t>& body, bool in_64_bits = false) {
  std::vector<std::uint8_t> record;
  if (in_64_bits) append(record, 0xffffffffu);
  if (in_64_bits) append(record, static_cast<std::uint64_t>(body.size()));
  if (!in_64_bits) append(record, static_cast<std::uint32_t>(body.size()));
  record.insert(record.end(), body.begin(), body.end());
  return record;
}

}  // namespace fdr::test

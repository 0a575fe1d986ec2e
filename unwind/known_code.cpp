#include "unwind/known_code.hpp"

#include <elf.h>

#include <array>
#include <optional>

#include "unwind/byte_reader.hpp"
#include "unwind/image_rows.hpp"

namespace fdr {

namespace {

constexpr std::uint64_t kEntryBytes = 64;
// Searched for restorers, of one image: its segments may be huge, sparse, and many over the same bytes.
constexpr std::size_t kMaxSearched = 64u << 20;
constexpr std::array<std::uint8_t, 9> kRestorer = {0x48, 0xc7, 0xc0, 0x0f, 0,
                                                   0,    0,    0x0f, 0x05};  // mov $15,%rax; syscall

template <std::size_t size>
bool begins_with(std::span<const std::uint8_t> code, const std::array<std::uint8_t, size>& bytes) {
  return code.size() >= size && std::equal(bytes.begin(), bytes.end(), code.begin());
}

// Libraries may have an entry point that is none (the beginning of .text): a real one ends the chain of frame pointers,
// as the psABI asks for, or passes on the stack it was given.
bool is_entry(std::span<const std::uint8_t> code) {
  if (begins_with(code, std::array<std::uint8_t, 4>{0xf3, 0x0f, 0x1e, 0xfa})) code = code.subspan(4);  // endbr64
  return begins_with(code, std::array<std::uint8_t, 2>{0x31, 0xed}) ||                                 // xor %ebp,%ebp
         begins_with(code, std::array<std::uint8_t, 3>{0x48, 0x31, 0xed}) ||                           // xor %rbp,%rbp
         begins_with(code, std::array<std::uint8_t, 3>{0x48, 0x89, 0xe7});                             // mov %rsp,%rdi
}

struct Gap {
  std::uint64_t start = 0, end = 0;  // vaddr
};

// The stretches of executable bytes in the file that `rows` know nothing of.
std::vector<Gap> gaps(const ElfImage& image, const std::vector<fdr_row>& rows) {
  const std::uint64_t base = row_base(image);
  std::vector<Gap> found;
  for (const ElfImage::Segment& segment : image.segments()) {
    if (!segment.executable || segment.vaddr - base >= UINT32_MAX) continue;
    const std::uint64_t begin = segment.vaddr,
                        end = std::min(segment.vaddr + segment.file_size, base + std::uint64_t{UINT32_MAX});
    const auto add = [&](std::uint64_t from, std::uint64_t to) {
      from = std::max(from, begin);
      to = std::min(to, end);
      if (from < to) found.push_back({from, to});
    };
    if (rows.empty()) {
      add(begin, end);
      continue;
    }
    add(begin, base + rows.front().pc);
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (rows[i].rule == FDR_ROW_GAP) add(base + rows[i].pc, i + 1 < rows.size() ? base + rows[i + 1].pc : end);
  }
  std::sort(found.begin(), found.end(), [](const Gap& a, const Gap& b) { return a.start < b.start; });
  return found;
}

}  // namespace

std::vector<fdr_row> known_code_rows(const ElfImage& image, const std::vector<fdr_row>& rows) {
  const std::uint64_t base = row_base(image);
  const auto header = ByteReader(image.bytes()).read<Elf64_Ehdr>(0);
  const std::uint64_t entry = header ? header->e_entry : 0;
  std::vector<fdr_row> known;
  std::uint64_t covered = 0;
  std::size_t room = kMaxSearched;
  const auto add = [&](std::uint64_t from, std::uint64_t to, fdr_rule rule) {
    if (from < covered || from >= to) return;
    append_row(known, make_row(from - base, rule));
    append_row(known, make_row(to - base, FDR_ROW_GAP));
    covered = to;
  };
  for (const Gap& gap : gaps(image, rows)) {
    const auto offset = image.offset_of_vaddr(gap.start);
    if (!offset || *offset >= image.bytes().size()) continue;
    auto code = image.bytes().subspan(*offset);
    code = code.first(std::min<std::uint64_t>(code.size(), gap.end - gap.start));
    if (entry >= gap.start && entry - gap.start < code.size() && is_entry(code.subspan(entry - gap.start)))
      add(entry, std::min(entry + kEntryBytes, gap.end), FDR_ROW_END);
    code = code.first(std::min(code.size(), room));
    room -= code.size();
    for (auto at = code.begin();; at += kRestorer.size()) {
      at = std::search(at, code.end(), kRestorer.begin(), kRestorer.end());
      if (at == code.end()) break;
      // Its address is looked up by the byte before.
      const std::uint64_t from = gap.start + static_cast<std::uint64_t>(at - code.begin());
      add(std::max(from - 1, gap.start), from + kRestorer.size(), FDR_ROW_SIGNAL);
    }
  }
  return known;
}

}  // namespace fdr

// The records of .eh_frame (LSB 10.6.1; DWARF 5, 6.4.1): units (CIEs) and functions (FDEs), parsed for whoever walks
// all of them or follows a search table to one. Their instructions are handed on, not run (cfi_program.hpp). The 64-bit
// form is read too: its length has 8 bytes, its id 4 as ever. All addresses are the linker's (vaddr). Hostile: nothing
// is read beyond the bytes given, what does not hold together is no record, and one record costs the same whatever its
// length. Views: the image must outlive them. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "unwind/cfi_program.hpp"
#include "unwind/elf_image.hpp"

namespace fdr {

struct EhFrame {
  std::uint64_t vaddr = 0;
  std::span<const std::uint8_t> bytes;
  bool exact = false;  // the length is known; otherwise it ends at the terminator, and at its segment's end
};

struct EhRecord {           // a CIE or an FDE
  std::uint64_t vaddr = 0;  // of its length
  std::uint64_t id_vaddr = 0, body_vaddr = 0;
  std::uint32_t id = 0;                // 0: a CIE; otherwise the distance back from the id to the CIE
  std::span<const std::uint8_t> body;  // behind the id

  bool is_unit() const { return id == 0; }
  std::uint64_t unit_vaddr() const { return id_vaddr - id; }  // of an FDE
};

class EhRecords {
 public:
  explicit EhRecords(const EhFrame& frame) : frame_(frame) {}
  // Nothing behind the last, and where one is cut.
  std::optional<EhRecord> next();
  bool cut() const { return cut_; }  // a record reaches beyond the end

 private:
  EhFrame frame_;
  std::uint64_t at_ = 0;
  bool cut_ = false;
};

// The one at an address, from what is loaded there.
std::optional<EhRecord> eh_record_at(const ElfImage& image, std::uint64_t vaddr);

struct EhUnit {
  CfiUnit unit;  // its `initial` is not set yet: run_initial_instructions()
  std::span<const std::uint8_t> instructions;
};

// Nothing where it is not understood: another version, another return address than x86-64's, augmentation without its
// length.
std::optional<EhUnit> parse_unit(const EhRecord& record);

// As the record says, wherever that is: it may be empty, or outside the code. Nothing where its addresses are
// unreadable.
std::optional<CfiFunction> parse_function(const EhRecord& record, const CfiUnit& unit);

}  // namespace fdr

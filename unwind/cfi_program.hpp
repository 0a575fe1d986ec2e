// Call frame instructions of .eh_frame (DWARF 5, 6.4.2; LSB for the GNU ones), executed for what the three registers of
// a row need: where the CFA, the return address, rbp and rsp are at each address of a function. Hostile: every operand
// is bounds-checked, remembered states are bounded, addresses never leave the function. Knows nothing of ELF. Values
// only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "unwind/row.h"

namespace fdr {

struct RegisterRule {
  enum Kind : std::uint8_t { kSame, kUndefined, kAtCfa, kCfaPlus, kExpression, kValueExpression, kRegister };
  Kind kind = kSame;
  std::int64_t offset = 0;                   // kAtCfa: saved at CFA + offset; kCfaPlus: is CFA + offset
  std::span<const std::uint8_t> expression;  // kExpression: saved at what it computes
};

// All of one table row that matters here. Registers by their numbers in dwarf_registers.hpp.
struct CfiState {
  std::uint64_t cfa_register = 0;
  std::int64_t cfa_offset = 0;
  bool cfa_by_expression = false;
  std::span<const std::uint8_t> cfa_expression;
  RegisterRule return_address, rbp, rsp;
};

struct CfiUnit {  // a CIE
  std::uint64_t code_align = 1;
  std::int64_t data_align = -8;
  std::uint8_t pointer_encoding = 0;
  bool has_augmentation = false;  // its FDEs have augmentation data
  bool signal_frame = false;      // 'S'
  CfiState initial;
};

struct CfiFunction {                     // an FDE
  std::uint64_t start = 0, end = 0;      // vaddr
  std::uint64_t instructions_vaddr = 0;  // for DW_CFA_set_loc
  std::span<const std::uint8_t> instructions;
};

// The state behind the CIE's own instructions. False where they are damaged or move the address.
bool run_initial_instructions(CfiUnit& unit, std::span<const std::uint8_t> instructions);

// One row for every change, in order of address; `pc` is relative to `base`. Appended to `rows`. False where the
// instructions are damaged: the rest of the function then is FDR_COMPLEX_DAMAGED.
bool rows_of_function(const CfiUnit& unit, const CfiFunction& function, std::uint64_t base, std::vector<fdr_row>& rows);

// The row for a state, with pc 0.
fdr_row row_of(const CfiState& state, bool signal_frame);

}  // namespace fdr

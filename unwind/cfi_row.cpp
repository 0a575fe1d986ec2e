// The row for a state of the call frame instructions: which of the few shapes that compilers, linkers and hand-written
// assembler produce it has.
#include <algorithm>
#include <array>
#include <optional>

#include "formats/byte_cursor.hpp"
#include "unwind/cfi_program.hpp"
#include "unwind/dwarf_registers.hpp"

namespace fdr {

namespace {

constexpr std::uint8_t kDeref = 0x06, kPlusUconst = 0x23, kBreg0 = 0x70, kLit0 = 0x30;

fdr_row simple_row(fdr_rule rule) { return {0, 0, FDR_RBP_SAME, static_cast<fdr_u8>(rule)}; }

fdr_row complex_row(fdr_complex why) {
  fdr_row row = simple_row(FDR_ROW_COMPLEX);
  row.cfa = static_cast<fdr_s16>(why);
  return row;
}

// DW_OP_breg<register> <offset>, then DW_OP_deref if `deref`, then DW_OP_plus_uconst if there is one; nothing behind.
struct BasedExpression {
  std::uint64_t base = 0;
  std::int64_t offset = 0;
  bool deref = false;
  std::uint64_t plus = 0;
};

std::optional<BasedExpression> parse_based(std::span<const std::uint8_t> expression) {
  ByteCursor cursor(expression);
  const auto first = cursor.read<std::uint8_t>();
  if (first < kBreg0 || first >= kBreg0 + 32) return std::nullopt;
  BasedExpression found;
  found.base = first - kBreg0;
  found.offset = cursor.sleb128();
  if (!cursor.at_end()) found.deref = cursor.read<std::uint8_t>() == kDeref;
  if (!cursor.at_end()) {
    if (!found.deref || cursor.read<std::uint8_t>() != kPlusUconst) return std::nullopt;
    found.plus = cursor.uleb128();
  }
  const bool whole = !cursor.failed() && cursor.at_end() && (found.deref || cursor.position() == expression.size());
  return whole ? std::optional(found) : std::nullopt;
}

bool is_based(std::span<const std::uint8_t> expression, std::uint64_t base, std::int64_t offset, bool deref) {
  const auto found = parse_based(expression);
  return found && found->base == base && found->offset == offset && found->deref == deref && found->plus == 0;
}

// What ld writes for .plt: rsp + 8 + ((rip & 15) >= n) * 8.
std::optional<fdr_s16> plt_push_ends(std::span<const std::uint8_t> expression) {
  //                                              breg7 8, breg16 0, lit15, and, litN, ge, lit3, shl, plus
  constexpr std::array<std::uint8_t, 11> kShape = {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0, 0x2a, 0x33, 0x24, 0x22};
  if (expression.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i)
    if (i != 6 && expression[i] != kShape[i]) return std::nullopt;
  if (expression[6] < kLit0 || expression[6] > kLit0 + 15) return std::nullopt;
  return static_cast<fdr_s16>(expression[6] - kLit0);
}

bool is_kernel_signal_frame(const CfiState& state) {
  const auto saved_at = [](const RegisterRule& rule, std::int64_t offset) {
    return rule.kind == RegisterRule::kExpression && is_based(rule.expression, kDwarfRsp, offset, false);
  };
  return state.cfa_by_expression && is_based(state.cfa_expression, kDwarfRsp, FDR_SIGNAL_RSP, true) &&
         saved_at(state.return_address, FDR_SIGNAL_RIP) && saved_at(state.rbp, FDR_SIGNAL_RBP);
}

bool set_offset(fdr_row& row, std::int64_t bytes) {
  if (bytes % FDR_WORD != 0 || bytes / FDR_WORD < FDR_CFA_MIN || bytes / FDR_WORD > FDR_CFA_MAX) return false;
  row.cfa = static_cast<fdr_s16>(bytes / FDR_WORD);
  return true;
}

fdr_row cfa_row(const CfiState& state) {
  fdr_row row = simple_row(FDR_ROW_RSP);
  if (!state.cfa_by_expression) {
    if (state.cfa_register != kDwarfRsp && state.cfa_register != kDwarfRbp) return complex_row(FDR_COMPLEX_REGISTER);
    row.rule = state.cfa_register == kDwarfRsp ? FDR_ROW_RSP : FDR_ROW_RBP;
    return set_offset(row, state.cfa_offset) ? row : complex_row(FDR_COMPLEX_OFFSET);
  }
  if (const auto n = plt_push_ends(state.cfa_expression)) {
    row.rule = FDR_ROW_PLT;
    row.cfa = *n;
    return row;
  }
  const auto based = parse_based(state.cfa_expression);
  if (!based || !based->deref || (based->base != kDwarfRsp && based->base != kDwarfRbp))
    return complex_row(FDR_COMPLEX_EXPRESSION);
  if (based->plus != 0 && (based->plus != 8 || based->base != kDwarfRsp)) return complex_row(FDR_COMPLEX_EXPRESSION);
  row.rule = based->base == kDwarfRbp ? FDR_ROW_AT_RBP : based->plus == 8 ? FDR_ROW_BEHIND_RSP : FDR_ROW_AT_RSP;
  return set_offset(row, based->offset) ? row : complex_row(FDR_COMPLEX_OFFSET);
}

bool set_rbp(fdr_row& row, const RegisterRule& rule) {
  switch (rule.kind) {
    case RegisterRule::kSame:
      return true;
    case RegisterRule::kUndefined:
      row.rbp = FDR_RBP_LOST;
      return true;
    case RegisterRule::kAtCfa:
      if (rule.offset % FDR_WORD != 0 || rule.offset / FDR_WORD < FDR_RBP_SLOT_MIN ||
          rule.offset / FDR_WORD > FDR_RBP_SLOT_MAX)
        return false;
      row.rbp = static_cast<fdr_s8>(rule.offset / FDR_WORD);
      return true;
    case RegisterRule::kExpression:
      row.rbp = FDR_RBP_AT_RBP;
      return is_based(rule.expression, kDwarfRbp, 0, false);
    default:
      return false;
  }
}

}  // namespace

fdr_row row_of(const CfiState& state, bool signal_frame) {
  if (state.return_address.kind == RegisterRule::kUndefined) return simple_row(FDR_ROW_END);
  if (signal_frame) return is_kernel_signal_frame(state) ? simple_row(FDR_ROW_SIGNAL) : complex_row(FDR_COMPLEX_SIGNAL);
  fdr_row row = cfa_row(state);
  if (row.rule == FDR_ROW_COMPLEX) return row;
  const RegisterRule& ra = state.return_address;
  if (ra.kind != RegisterRule::kAtCfa || ra.offset != -FDR_WORD) return complex_row(FDR_COMPLEX_RETURN);
  const bool rsp_is_cfa = state.rsp.kind == RegisterRule::kSame ||  // unspecified: it is the CFA
                          (state.rsp.kind == RegisterRule::kCfaPlus && state.rsp.offset == 0);
  if (!rsp_is_cfa) return complex_row(FDR_COMPLEX_RSP);
  return set_rbp(row, state.rbp) ? row : complex_row(FDR_COMPLEX_RBP);
}

}  // namespace fdr

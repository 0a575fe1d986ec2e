#include "unwind/cfi_program.hpp"

#include <optional>

#include "formats/byte_cursor.hpp"
#include "unwind/dwarf_registers.hpp"
#include "unwind/eh_pointer.hpp"

namespace fdr {

namespace {

constexpr std::size_t kMaxRemembered = 64;

enum Op : std::uint8_t {
  kNop = 0x00,
  kSetLoc = 0x01,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kOffsetExtended = 0x05,
  kRestoreExtended = 0x06,
  kUndefined = 0x07,
  kSameValue = 0x08,
  kRegister = 0x09,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
  kDefCfaExpression = 0x0f,
  kExpression = 0x10,
  kOffsetExtendedSf = 0x11,
  kDefCfaSf = 0x12,
  kDefCfaOffsetSf = 0x13,
  kValOffset = 0x14,
  kValOffsetSf = 0x15,
  kValExpression = 0x16,
  kGnuArgsSize = 0x2e,
  kGnuNegativeOffsetExtended = 0x2f,
  kAdvanceLoc = 0x40,  // these three have an operand in their low six bits
  kOffset = 0x80,
  kRestore = 0xc0,
};

// Factored offsets are multiplied as the hardware would: a hostile one wraps, it is no reason to stop.
std::int64_t scaled(std::uint64_t factored, std::int64_t align) {
  return static_cast<std::int64_t>(factored * static_cast<std::uint64_t>(align));
}

class Machine {
 public:
  Machine(const CfiUnit& unit, const CfiFunction& function) : unit_(unit), function_(function), state_(unit.initial) {
    pc_ = function.start;
  }

  // Calls at_change(from, to) for each stretch of addresses with one state. False where the instructions are damaged.
  template <class AtChange>
  bool run(AtChange at_change);

  const CfiState& state() const { return state_; }
  std::uint64_t pc() const { return pc_; }

 private:
  bool execute(std::uint8_t op, std::uint64_t& next);
  void move_by(std::uint64_t delta, std::uint64_t& next);
  void set(std::uint64_t number, RegisterRule rule) {
    if (RegisterRule* known = rule_of(state_, number)) *known = rule;
  }
  static RegisterRule* rule_of(CfiState& state, std::uint64_t number) {
    return number == kDwarfRbp             ? &state.rbp
           : number == kDwarfRsp           ? &state.rsp
           : number == kDwarfReturnAddress ? &state.return_address
                                           : nullptr;
  }
  void restore(std::uint64_t number) {
    CfiState initial = unit_.initial;
    if (const RegisterRule* known = rule_of(initial, number)) set(number, *known);
  }
  bool define_cfa(std::uint64_t number, std::int64_t offset) {
    state_.cfa_register = number;
    state_.cfa_offset = offset;
    state_.cfa_by_expression = false;
    return true;
  }

  const CfiUnit& unit_;
  const CfiFunction& function_;
  ByteCursor code_;
  CfiState state_;
  std::uint64_t pc_ = 0;
  std::vector<CfiState> remembered_;
};

void Machine::move_by(std::uint64_t delta, std::uint64_t& next) {
  const std::uint64_t room = function_.end - pc_;
  const bool beyond = unit_.code_align != 0 && delta > room / unit_.code_align;
  next = beyond ? function_.end : pc_ + delta * unit_.code_align;
}

bool Machine::execute(std::uint8_t op, std::uint64_t& next) {
  const std::uint8_t low = op & 0x3f;
  switch (op & 0xc0) {
    case kAdvanceLoc:
      move_by(low, next);
      return true;
    case kOffset:
      set(low, {RegisterRule::kAtCfa, scaled(code_.uleb128(), unit_.data_align), {}});
      return true;
    case kRestore:
      restore(low);
      return true;
  }
  std::uint64_t number = 0;
  switch (op) {
    case kNop:
      return true;
    case kSetLoc: {
      const std::uint64_t vaddr = function_.instructions_vaddr + code_.position();
      const auto target = read_eh_pointer(code_, unit_.pointer_encoding, vaddr);
      if (!target || *target < pc_) return false;
      next = *target < function_.end ? *target : function_.end;
      return true;
    }
    case kAdvanceLoc1:
      move_by(code_.read<std::uint8_t>(), next);
      return true;
    case kAdvanceLoc2:
      move_by(code_.read<std::uint16_t>(), next);
      return true;
    case kAdvanceLoc4:
      move_by(code_.read<std::uint32_t>(), next);
      return true;
    case kOffsetExtended:
      number = code_.uleb128();
      set(number, {RegisterRule::kAtCfa, scaled(code_.uleb128(), unit_.data_align), {}});
      return true;
    case kOffsetExtendedSf:
      number = code_.uleb128();
      set(number, {RegisterRule::kAtCfa, scaled(static_cast<std::uint64_t>(code_.sleb128()), unit_.data_align), {}});
      return true;
    case kGnuNegativeOffsetExtended:
      number = code_.uleb128();
      set(number, {RegisterRule::kAtCfa, scaled(std::uint64_t{0} - code_.uleb128(), unit_.data_align), {}});
      return true;
    case kRestoreExtended:
      restore(code_.uleb128());
      return true;
    case kUndefined:
      set(code_.uleb128(), {RegisterRule::kUndefined, 0, {}});
      return true;
    case kSameValue:
      set(code_.uleb128(), {RegisterRule::kSame, 0, {}});
      return true;
    case kRegister:
      number = code_.uleb128();
      code_.uleb128();
      set(number, {RegisterRule::kRegister, 0, {}});
      return true;
    case kRememberState:
      if (remembered_.size() >= kMaxRemembered) return false;
      remembered_.push_back(state_);
      return true;
    case kRestoreState:
      if (remembered_.empty()) return false;
      state_ = remembered_.back();
      remembered_.pop_back();
      return true;
    case kDefCfa:
      number = code_.uleb128();
      return define_cfa(number, static_cast<std::int64_t>(code_.uleb128()));
    case kDefCfaSf:
      number = code_.uleb128();
      return define_cfa(number, scaled(static_cast<std::uint64_t>(code_.sleb128()), unit_.data_align));
    case kDefCfaRegister:
      if (state_.cfa_by_expression) return false;
      return define_cfa(code_.uleb128(), state_.cfa_offset);
    case kDefCfaOffset:
      if (state_.cfa_by_expression) return false;
      return define_cfa(state_.cfa_register, static_cast<std::int64_t>(code_.uleb128()));
    case kDefCfaOffsetSf:
      if (state_.cfa_by_expression) return false;
      return define_cfa(state_.cfa_register, scaled(static_cast<std::uint64_t>(code_.sleb128()), unit_.data_align));
    case kDefCfaExpression:
      state_.cfa_by_expression = true;
      state_.cfa_expression = code_.take(code_.uleb128());
      return true;
    case kExpression:
      number = code_.uleb128();
      set(number, {RegisterRule::kExpression, 0, code_.take(code_.uleb128())});
      return true;
    case kValExpression:
      number = code_.uleb128();
      set(number, {RegisterRule::kValueExpression, 0, code_.take(code_.uleb128())});
      return true;
    case kValOffset:
      number = code_.uleb128();
      set(number, {RegisterRule::kCfaPlus, scaled(code_.uleb128(), unit_.data_align), {}});
      return true;
    case kValOffsetSf:
      number = code_.uleb128();
      set(number, {RegisterRule::kCfaPlus, scaled(static_cast<std::uint64_t>(code_.sleb128()), unit_.data_align), {}});
      return true;
    case kGnuArgsSize:
      code_.uleb128();
      return true;
    default:
      return false;
  }
}

template <class AtChange>
bool Machine::run(AtChange at_change) {
  code_ = ByteCursor(function_.instructions);
  while (!code_.at_end() && pc_ < function_.end) {
    std::uint64_t next = pc_;
    const auto op = code_.read<std::uint8_t>();
    if (!execute(op, next) || code_.failed()) return false;
    if (next > pc_) at_change(pc_, next);
    pc_ = next;
  }
  return true;
}

}  // namespace

bool run_initial_instructions(CfiUnit& unit, std::span<const std::uint8_t> instructions) {
  const CfiFunction nowhere{0, 1, 0, instructions};
  Machine machine(unit, nowhere);
  bool moved = false;
  const bool whole = machine.run([&](std::uint64_t, std::uint64_t) { moved = true; });
  unit.initial = machine.state();
  return whole && !moved;
}

bool rows_of_function(const CfiUnit& unit, const CfiFunction& function, std::uint64_t base,
                      std::vector<fdr_row>& rows) {
  Machine machine(unit, function);
  const auto add = [&](std::uint64_t from, const CfiState& state) {
    fdr_row row = row_of(state, unit.signal_frame);
    row.pc = static_cast<fdr_u32>(from - base);
    rows.push_back(row);
  };
  const bool whole = machine.run([&](std::uint64_t from, std::uint64_t) { add(from, machine.state()); });
  if (machine.pc() >= function.end) return whole;
  if (whole)
    add(machine.pc(), machine.state());
  else
    rows.push_back({static_cast<fdr_u32>(machine.pc() - base), FDR_COMPLEX_DAMAGED, FDR_RBP_SAME, FDR_ROW_COMPLEX});
  return whole;
}

}  // namespace fdr

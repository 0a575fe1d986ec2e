#include "tests/unit/unwind/row_oracle.hpp"

#include <dwarf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

// An honest slot of a real function lies anywhere in made-up memory: every read succeeds.
#define FDR_READ_WORD(context, address, word) (*(word) = fdr::test::made_up_word(address), 0)
#include "unwind/row_step.h"

namespace fdr::test {

namespace {

struct Evaluation {
  std::uint64_t value = 0;
  bool is_value = false;  // DW_OP_stack_value: not a place in memory
};

// The operations that unwind rules are made of; nothing where one needs another register.
std::optional<Evaluation> evaluate(const Dwarf_Op* ops, std::size_t count, const StepRegisters& registers,
                                   std::uint64_t cfa) {
  std::vector<std::uint64_t> stack;
  const auto reg = [&](std::uint64_t number) -> std::optional<std::uint64_t> {
    if (number == 6) return registers.bp;
    if (number == 7) return registers.sp;
    if (number == 16) return registers.ip;
    return std::nullopt;
  };
  Evaluation result;
  for (std::size_t i = 0; i < count; ++i) {
    const Dwarf_Op& op = ops[i];
    const auto pop = [&] {
      const std::uint64_t top = stack.empty() ? 0 : stack.back();
      if (!stack.empty()) stack.pop_back();
      return top;
    };
    if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) {
      const auto value = reg(op.atom - DW_OP_breg0);
      if (!value) return std::nullopt;
      stack.push_back(*value + op.number);
    } else if (op.atom == DW_OP_bregx) {
      const auto value = reg(op.number);
      if (!value) return std::nullopt;
      stack.push_back(*value + op.number2);
    } else if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) {
      stack.push_back(op.atom - DW_OP_lit0);
    } else if (op.atom == DW_OP_call_frame_cfa) {
      stack.push_back(cfa);
    } else if (op.atom == DW_OP_plus_uconst) {
      stack.push_back(pop() + op.number);
    } else if (op.atom == DW_OP_deref) {
      stack.push_back(made_up_word(pop()));
    } else if (op.atom == DW_OP_plus || op.atom == DW_OP_and || op.atom == DW_OP_shl || op.atom == DW_OP_ge ||
               op.atom == DW_OP_minus) {
      const std::uint64_t b = pop(), a = pop();
      stack.push_back(op.atom == DW_OP_plus    ? a + b
                      : op.atom == DW_OP_minus ? a - b
                      : op.atom == DW_OP_and   ? a & b
                      : op.atom == DW_OP_shl   ? a << b
                                               : static_cast<std::int64_t>(a) >= static_cast<std::int64_t>(b));
    } else if (op.atom == DW_OP_stack_value) {
      result.is_value = true;
    } else {
      return std::nullopt;
    }
  }
  if (stack.empty()) return std::nullopt;
  result.value = stack.back();
  return result;
}

}  // namespace

RowOracle::RowOracle(const std::string& path) {
  elf_version(EV_CURRENT);
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ >= 0) elf_ = elf_begin(fd_, ELF_C_READ_MMAP, nullptr);
  if (elf_) cfi_ = dwarf_getcfi_elf(elf_);
}

RowOracle::~RowOracle() {
  if (cfi_) dwarf_cfi_end(cfi_);
  if (elf_) elf_end(elf_);
  if (fd_ >= 0) ::close(fd_);
}

OracleStep RowOracle::step(std::uint64_t vaddr, const StepRegisters& registers) const {
  OracleStep step;
  Dwarf_Frame* frame = nullptr;
  if (dwarf_cfi_addrframe(cfi_, vaddr, &frame) != 0) return step;
  step.known = true;
  dwarf_frame_info(frame, nullptr, nullptr, &step.signal);
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  std::optional<Evaluation> cfa;
  if (dwarf_frame_cfa(frame, &ops, &count) == 0) cfa = evaluate(ops, count, registers, 0);

  // A register of the caller. `undefined` where there is no way to know it.
  const auto caller_register = [&](int number, std::uint64_t now, bool* undefined) -> std::optional<std::uint64_t> {
    Dwarf_Op memory[3];
    if (dwarf_frame_register(frame, number, memory, &ops, &count) != 0) return std::nullopt;
    *undefined = count == 0 && ops == memory;
    if (count == 0) return *undefined ? 0 : now;
    const auto found = cfa ? evaluate(ops, count, registers, cfa->value) : std::nullopt;
    if (!found) return std::nullopt;
    return found->is_value ? found->value : made_up_word(found->value);
  };
  bool undefined = false;
  const auto ip = caller_register(16, registers.ip, &step.root);
  const auto sp = caller_register(7, registers.sp, &undefined);
  const auto bp = caller_register(6, registers.bp, &undefined);
  if (cfa && ip && sp && bp) step.caller = StepRegisters{*ip, *sp, *bp};
  std::free(frame);
  return step;
}

int made_up_step(const fdr_row& row, bool exact, const StepRegisters& registers, StepRegisters* caller) {
  fdr_walk walk{registers.ip, registers.sp, registers.bp, exact, 0, 0};
  const int end = fdr_step(nullptr, &walk, row);
  *caller = {walk.ip, walk.sp, walk.bp};
  return end;
}

}  // namespace fdr::test

// A second opinion on rows: what libdw says of an address, worked out with made-up registers and a made-up memory.
// Equal results of a whole step mean equal rules.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string>

#include "unwind/row.h"

namespace fdr::test {

// Every word of it is a number made of its address, above all stack pointers.
inline std::uint64_t made_up_word(std::uint64_t address) {
  std::uint64_t x = address * 0x9e3779b97f4a7c15u;
  x ^= x >> 29;
  return (1ull << 50) + (x & 0xffff'ffff'ff) * 8;
}

struct StepRegisters {
  std::uint64_t ip = 0, sp = 0, bp = 0;
  bool operator==(const StepRegisters&) const = default;
};

struct OracleStep {
  bool known = false;  // libdw has information for this address
  bool root = false;   // the return address is undefined
  bool signal = false;
  std::optional<StepRegisters> caller;  // nothing where it takes more than the three registers
};

class RowOracle {
 public:
  explicit RowOracle(const std::string& path);
  ~RowOracle();
  RowOracle(const RowOracle&) = delete;
  RowOracle& operator=(const RowOracle&) = delete;

  bool usable() const { return cfi_ != nullptr; }
  OracleStep step(std::uint64_t vaddr, const StepRegisters& registers) const;

 private:
  int fd_ = -1;
  Elf* elf_ = nullptr;
  Dwarf_CFI* cfi_ = nullptr;
};

// One step by a row in the same memory; the walk's end where there is none.
int made_up_step(const fdr_row& row, bool exact, const StepRegisters& registers, StepRegisters* caller);

}  // namespace fdr::test

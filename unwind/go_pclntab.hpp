// Go's table of functions (pclntab), which no linker strips because the runtime itself needs it: entry, name and, for
// each address, how far the stack pointer has moved, file and line. Functions that were inlined: go_places.hpp.
// Formats of Go 1.16-1.17, 1.18-1.19 and 1.20 on (by their magic; runtime/symtab.go, cmd/link/internal/ld/pcln.go).
// Hostile: every offset is checked when it is followed. A view: the image must outlive it. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "unwind/elf_image.hpp"

namespace fdr {

// runtime.funcFlag (Go 1.17 on; zero before).
inline constexpr std::uint8_t kGoTopFrame = 1, kGoWritesSp = 2;

struct GoFunction {
  std::uint64_t entry = 0, end = 0;  // vaddr
  std::string_view name;             // "runtime.mcall"
  std::uint8_t flags = 0;
  std::span<const std::uint8_t> pcsp;  // begins there; empty: nothing is known of the stack pointer
  std::uint64_t record = 0;            // where the fields of its runtime._func begin, for the members of GoPclntab
};

struct GoLine {
  std::string_view file;   // as the compiler was given it, mostly an absolute path; empty where it is not known
  std::uint32_t line = 0;  // 0: not known
};

// The steps of a pc-value table: from `start` to `end` the value is `value`.
struct GoValues {
  GoValues(std::uint64_t entry, std::span<const std::uint8_t> values) : end(entry), table(values) {}
  explicit GoValues(const GoFunction& function) : GoValues(function.entry, function.pcsp) {}
  bool next();  // false behind the last, or where it is damaged

  std::uint64_t start = 0, end = 0;
  std::int64_t value = -1;
  std::span<const std::uint8_t> table;
};

class GoPclntab {
 public:
  // Nothing where the image has none; `*problem` is set where it has one that cannot be used.
  static std::optional<GoPclntab> of(const ElfImage& image, std::string* problem);

  std::uint64_t functions() const { return count_; }
  // Sorted by entry, and without overlap; nothing for a damaged one.
  std::optional<GoFunction> function(std::uint64_t index) const;
  // The function around `vaddr`, by binary search; nothing between functions.
  std::optional<GoFunction> find(std::uint64_t vaddr) const;
  // Of the instruction at `vaddr` (of a call: any byte of it, so its return address less one) in `function`.
  GoLine line_of(const GoFunction& function, std::uint64_t vaddr) const;

  std::uint64_t begin() const { return begin_; }  // vaddr of the first function
  std::uint64_t end() const { return end_; }      // and behind the last

  // What go_places.cpp needs besides: the format (16, 18 or 20), where the table lies, the name at an offset, and of a
  // function the value that a table of PCDATA holds for an address and the offset that FUNCDATA holds (1.18 on).
  int version() const { return version_; }
  std::uint64_t vaddr() const { return vaddr_; }
  std::string_view name_at(std::uint32_t offset) const;
  std::optional<std::int64_t> pc_data(const GoFunction& function, std::uint32_t index, std::uint64_t vaddr) const;
  std::optional<std::uint32_t> func_data(const GoFunction& function, std::uint32_t index) const;

 private:
  static std::optional<GoPclntab> parse(std::span<const std::uint8_t> bytes, std::uint64_t* text);
  bool place(const ElfImage& image, std::uint64_t text);
  bool place_by_module_data(const ElfImage& image, std::uint64_t vaddr);
  std::optional<std::uint64_t> entry_of(std::uint64_t index) const;
  std::uint64_t bytes_at() const { return version_ >= 20 ? 36 : 32; }  // in a record: its bytes, behind the 32-bit fields
  std::optional<std::int64_t> value_at(const GoFunction& function, std::uint64_t field, std::uint64_t vaddr) const;

  int version_ = 0;         // 16, 18 or 20
  std::uint64_t text_ = 0;  // entries of 1.18 on are relative to it
  std::uint64_t count_ = 0;
  std::uint64_t begin_ = 0, end_ = 0;
  std::uint64_t vaddr_ = 0;
  std::span<const std::uint8_t> names_, units_, files_, pc_values_, functions_;
};

}  // namespace fdr

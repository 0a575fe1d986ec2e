// Where in its source a Go program stands, from its pclntab alone, so for stripped programs too: function, file and line of
// an address, and of the functions that were inlined there (funcdata InlTree, Go 1.18 on; for older programs the function
// that has the code stands alone). Source: runtime/symtab.go and symtabinl.go.
//
// What is damaged is left out: an address without a function has no places, one whose inline tree does not hold together
// has one. Views into the image, which must outlive them. Immutable, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "unwind/go_pclntab.hpp"

namespace fdr {

struct GoPlace {
  std::string_view function;  // "main.(*Peer).gossipDataRoutine"
  std::string_view file;      // empty where it is not known
  std::uint32_t line = 0;     // 0: not known
};

class GoPlaces {
 public:
  GoPlaces(const ElfImage& image, const GoPclntab& table);

  const GoPclntab& table() const { return table_; }
  // Of the instruction at `vaddr` (a return address less one), innermost first; the last is the function that has the
  // code.
  std::vector<GoPlace> at(std::uint64_t vaddr) const;

 private:
  struct Inlined {
    std::string_view name;
    std::uint64_t called_at = 0;  // vaddr
  };
  std::optional<Inlined> inlined(const GoFunction& function, std::uint64_t vaddr) const;

  const ElfImage* image_;
  GoPclntab table_;
  std::uint64_t func_data_ = 0;  // vaddr of go:func.*; 0: not known
};

// runtime.firstmoduledata of the image: its vaddr. Nothing where no data point to the table.
std::optional<std::uint64_t> go_module_data(const ElfImage& image, const GoPclntab& table);

}  // namespace fdr

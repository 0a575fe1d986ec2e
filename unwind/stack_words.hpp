// The words of a copied stack, for a walk to read: nothing below the stack pointer, nothing behind the copy's end.
#pragma once

#include <cstdint>
#include <cstring>

#include "unwind/stack_sample.hpp"

namespace fdr {

class StackWords {
 public:
  // A view of `copy`, which must outlive this.
  explicit StackWords(const StackCopy& copy) : copy_(copy) {}

  bool operator()(std::uint64_t address, std::uint64_t* word) {
    const std::uint64_t sp = copy_.registers.sp, offset = address - sp;
    if (address < sp || copy_.bytes.size() < sizeof *word || offset > copy_.bytes.size() - sizeof *word) {
      ran_off_ |= address >= sp;
      return false;
    }
    std::memcpy(word, copy_.bytes.data() + offset, sizeof *word);
    return true;
  }
  // A word was asked for that lies behind the end: with more of the stack the walk would go on.
  bool ran_off() const { return ran_off_; }

 private:
  const StackCopy& copy_;
  bool ran_off_ = false;
};

}  // namespace fdr

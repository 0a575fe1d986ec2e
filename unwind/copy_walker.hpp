// Walks stacks at the dump: copied ones, and those of threads that sleep. By rows, the way the kernel walks; copies where a row says that
// it cannot (or there are none) with libunwind as the second opinion. Rows of a file are made when the first stack leads into it. One
// thread (the dumper).
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "unwind/address_space.hpp"
#include "unwind/module_files.hpp"
#include "unwind/row.h"
#include "unwind/row_walker.hpp"
#include "unwind/stack_sample.hpp"
#include "unwind/unwinder.hpp"

namespace fdr {

class CopyWalker {
 public:
  explicit CopyWalker(ModuleFiles& files) : files_(files), second_opinion_(files) {}
  // `space` must outlive this; `time` selects the mappings.
  WalkedStack walk(const AddressSpace& space, const StackCopy& copy, Timestamp time);
  // By rows alone, from whatever memory `read` gives.
  WalkedStack walk(const AddressSpace& space, const UserRegisters& registers, WordReader read, Timestamp time);

 private:
  struct File {
    std::uint32_t first = 0, count = 0;
    std::uint64_t base = 0;
    const ElfImage* image = nullptr;
  };
  const File& file_of(const Module& module);
  const std::vector<fdr_segment>& segments_of(const AddressSpace& space, Timestamp time);
  WalkedStack walk_by_rows(const AddressSpace& space, const StackCopy& copy, Timestamp time);

  ModuleFiles& files_;
  Unwinder second_opinion_;
  std::vector<fdr_row> rows_;
  std::map<Module, File> known_;
  std::map<std::pair<const AddressSpace*, std::uint64_t>, std::vector<fdr_segment>> segments_;  // by space and its epoch
};

}  // namespace fdr

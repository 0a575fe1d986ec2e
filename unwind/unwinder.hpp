// Walks copied stacks at dump time with libunwind's remote interface: memory comes from the copy and from the files,
// tables from .eh_frame_hdr. One unwind address space per (process, generation) with caching on, since the cache is
// keyed by address only. libunwind is named in unwinder.cpp alone. One thread (the dumper).
#pragma once

#include <memory>

#include "unwind/address_space.hpp"
#include "unwind/module_files.hpp"
#include "unwind/row.h"
#include "unwind/stack_sample.hpp"

namespace fdr {

class Unwinder {
 public:
  static constexpr std::size_t kMaxFrames = FDR_MAX_FRAMES;  // as of the walks by rows

  explicit Unwinder(ModuleFiles& files);
  ~Unwinder();
  // `space` must outlive the Unwinder; `time` selects the mappings.
  WalkedStack walk(const AddressSpace& space, const StackCopy& copy, Timestamp time);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

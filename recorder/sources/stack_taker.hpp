// The stack of a perf sample as a record keeps it: kernel frames, then user frames walked by rows from the copy that came with it; registers and
// the copy only where the rows do not lead to a root and the copy may still do so at the dump. What bpf/stack.h is to the programs: of the
// 16 or 32 KB of a sample some hundred bytes stay. One walk at a time, in buffers of its own. Session thread only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recorder/sources/perf_records.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

class StackTaker {
 public:
  explicit StackTaker(const WindowView& window) : window_(window) {}

  // A struct fdr_stack and what follows it; a multiple of 8 bytes. `space` as in fdr_thread; `most`: bytes of a copy. Valid until the next call.
  std::span<const std::uint8_t> take(const PerfRecord& sample, std::uint32_t space, std::uint32_t most);

 private:
  // Whether frames are all there is to be had.
  bool walk(const PerfRecord& sample, std::uint32_t space, fdr_stack& stack);
  void put(const void* from, std::size_t bytes);

  WindowView window_;
  std::vector<std::uint64_t> frames_;
  std::vector<fdr_segment> segments_;  // where some are left out
  std::vector<std::uint8_t> bytes_;
};

}  // namespace fdr

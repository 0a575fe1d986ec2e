// One perf ring, drained by us: a mapped buffer that events write into and never wake us by. Records come out as contiguous bytes; one that
// wraps is put together in a buffer of the ring's own. Session thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/file_descriptor.hpp"
#include "recorder/sources/shared_mapping.hpp"

namespace fdr {

class PerfRing {
 public:
  // Of an open event; `bytes` is a power of two of at least a page. Throws Error.
  PerfRing(int event, std::size_t bytes, const char* what);

  // What is in it now may be read; what comes later, at the next begin().
  void begin();
  // The next record, empty where there is none. Valid until the next call.
  std::span<const std::uint8_t> next();
  // What was read may be overwritten.
  void end();
  // The record that next() gave stays, and comes again first after the next begin().
  void put_back() { tail_ = last_; }

 private:
  void copy(std::uint64_t from, void* to, std::size_t bytes) const;

  SharedMapping mapping_;
  std::size_t bytes_;
  const std::uint8_t* data_;
  std::uint64_t head_ = 0, tail_ = 0, last_ = 0;
  std::vector<std::uint8_t> wrapped_;
};

}  // namespace fdr

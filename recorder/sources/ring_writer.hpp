// Writes records into the rings of a window of our own: what bpf/ring.h is to the programs. One writer, so no record interrupts another; a
// reader that copies meanwhile (none of our threads does, but who looks at the file of a dead recorder may find us in mid-chunk) sees a chunk
// as it was published. Allocates nothing. Session thread only.
#pragma once

#include <cstdint>
#include <span>

#include "recorder/sources/window_file.hpp"

namespace fdr {

class RingWriter {
 public:
  explicit RingWriter(const WindowFile& window) : arrays_(window.arrays()), layout_(window.view().layout) {}

  // What the ring may still take so that it goes on covering its span (a token bucket, in bytes); a ring without an allowance takes all.
  bool may_take(int ring, std::uint32_t slot, std::size_t bytes, std::uint64_t now_ns);
  // A record in one part or two, together a multiple of 8 bytes. `cpu`: whose the slot is.
  void append(int ring, std::uint32_t slot, std::uint32_t cpu, std::span<const std::uint8_t> record, std::uint64_t now_ns, std::span<const std::uint8_t> rest = {});
  // The record was not written, for want of allowance.
  void limited(int ring, std::uint32_t slot) { ++cursor(ring, slot).limited; }
  // So many were lost before they reached us.
  void dropped(int ring, std::uint32_t slot, std::uint64_t count) { cursor(ring, slot).dropped += count; }

 private:
  fdr_cursor& cursor(int ring, std::uint32_t slot) { return arrays_.cursors[static_cast<std::uint32_t>(ring) * layout_.slots + slot]; }

  WindowArrays arrays_;
  WindowLayout layout_;
};

}  // namespace fdr

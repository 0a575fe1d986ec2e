// The window as user space sees it: the mapped arrays of wire.h, wherever they live (pinned BPF maps, or plain memory in a test).
//
// A view: it owns nothing and stays valid as long as the mappings do. The programs write at any moment; what may be read racily
// and what may not is said in wire.h.
#pragma once

#include <array>
#include <cstdint>

#include "recorder/window/layout.hpp"
#include "recorder/window/wire.h"

namespace fdr {

struct WindowView {
  WindowLayout layout;
  std::array<const std::uint8_t*, FDR_RINGS> rings{};
  const fdr_cursor* cursors = nullptr;   // [ring * slots + slot]
  fdr_thread* threads = nullptr;
  const fdr_parked* parked = nullptr;
  fdr_summary_cell* summary = nullptr;   // [slot * FDR_SUMMARY_ROW + i]
  const fdr_cpu* cpus = nullptr;
  fdr_row* rows = nullptr;
  fdr_space* spaces = nullptr;
  fdr_control* control = nullptr;

  const fdr_chunk_header* chunk(int ring, std::uint32_t slot, std::uint64_t seq) const {
    const std::uint64_t index = std::uint64_t{slot} * layout.chunks[ring] + seq % layout.chunks[ring];
    return reinterpret_cast<const fdr_chunk_header*>(rings[ring] + index * chunk_bytes(ring));
  }
  const fdr_cursor& cursor(int ring, std::uint32_t slot) const { return cursors[ring * layout.slots + slot]; }
};

}  // namespace fdr

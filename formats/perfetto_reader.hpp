// Reads the trace that perfetto_writer wrote back into a Timeline. The bytes are a stranger's: every length, count and
// index is checked, memory is bounded by `limits`, and a cut or damaged trace gives what came before, and says so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/timeline.hpp"

namespace fdr {

struct ReadLimits {
  std::uint64_t max_inflated_bytes = 4ull << 30;  // all compressed packets together
  std::uint64_t max_packet_bytes = 16ull << 20;
  std::uint64_t max_records = 50'000'000;  // of all kinds together
};

struct ReadResult {
  Timeline timeline;
  bool complete = true;
  std::string problem;  // why it is not: "the trace ends within a packet at byte 12345"
};

ReadResult read_perfetto(std::string_view bytes, const ReadLimits& limits = {});

}  // namespace fdr

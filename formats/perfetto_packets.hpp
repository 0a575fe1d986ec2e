// The two ends of the packet stream: PacketStream gathers packets and writes them compressed; for_each_packet() walks
// such bytes, a stranger's, within limits. Neither knows what is in a packet. A cut or broken stream is a value
// (StreamEnd), not an error: the packets before the damage have been handed out. One thread each.
#pragma once

#include <cstdint>
#include <functional>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>

#include "formats/perfetto_cursor.hpp"
#include "formats/perfetto_fields.hpp"
#include "formats/perfetto_reader.hpp"

namespace fdr::perfetto {

// Sequences scope interned data and its validity (SequenceFlags); the first packet of each says that it starts afresh.
enum class Sequence : std::uint32_t { kMain = 1, kStacks = 2 };
inline constexpr std::size_t kSequenceCount = 2;

class PacketStream {
 public:
  explicit PacketStream(const std::function<void(std::string_view)>& sink) : sink_(sink) {}

  // `fill(protozero::pbf_writer&)` adds the fields of one TracePacket; sequence id and flags are put before them.
  template <class Fill>
  void packet(Sequence sequence, Fill&& fill) {
    packet_.clear();
    protozero::pbf_writer writer{packet_};
    begin(sequence, writer);
    fill(writer);
    protozero::pbf_writer{chunk_}.add_message(trace::kPacket, packet_);
    if (chunk_.size() >= kChunkBytes) flush();
  }

  // Writes what was gathered, so that a trace cut behind this point has it. Call it at the end.
  void flush();

 private:
  static constexpr std::size_t kChunkBytes = 256 * 1024;
  void begin(Sequence sequence, protozero::pbf_writer& writer);

  const std::function<void(std::string_view)>& sink_;
  std::string packet_, chunk_, compressed_;
  bool started_[kSequenceCount] = {};
};

// How a walk over a stream ended.
struct StreamEnd {
  bool whole = true;
  std::string problem;
};

// Hands out the bytes of each TracePacket, those inside compressed packets included; these do not nest. `handle` may
// throw Damage or protozero::exception, which end the walk and become the problem.
StreamEnd for_each_packet(std::string_view bytes, const ReadLimits& limits,
                          const std::function<void(std::string_view)>& handle);

}  // namespace fdr::perfetto

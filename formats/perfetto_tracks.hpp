// Tracks for people: what Perfetto has no packet of its own for is shown in its UI as slices beneath the thread it
// happened to (stalls, slow calls, failed calls) or as instants (marks, lives of processes). A reader of ours takes
// nothing from them.
//
// Slices of one Perfetto track must nest, and ours may overlap: each that would overlap goes one lane further down.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "formats/perfetto_cursor.hpp"
#include "formats/perfetto_packets.hpp"
#include "formats/timeline.hpp"

namespace fdr::perfetto {

// Track ids: the kind in the upper half, an index in the lower.
enum class TrackKind : std::uint64_t { kThread = 1, kMetric, kLane, kInstants };
constexpr std::uint64_t track_id(TrackKind kind, std::uint64_t index) {
  return (static_cast<std::uint64_t>(kind) << 32) | (index + 1);
}

void put_track_event(protozero::pbf_writer& packet, std::uint64_t time, std::uint32_t type, std::uint64_t track,
                     const std::string& name = {}, const char* category = nullptr);

struct Slice {
  const char* track;  // "stalls", a literal: the lanes of one thread are told apart by its text
  std::uint32_t thread;
  Timestamp begin;
  std::optional<Timestamp> end;  // nothing: still open
  std::string name;
  std::vector<std::pair<const char*, std::string>> notes;
};

class Tracks {
 public:
  Tracks(PacketStream& stream, const Timeline& timeline, const TraceClock& clock)
      : stream_(stream), timeline_(timeline), clock_(clock) {}

  // `companion` adds our own record to the packet of the slice's begin; it is written even where there is no thread to
  // show the slice under. Begins must not go back in time within one track.
  template <class Companion>
  void slice(const Slice& slice, Companion&& companion) {
    const std::optional<std::uint64_t> lane = lane_of(slice);
    stream_.packet(Sequence::kMain, [&](protozero::pbf_writer& packet) {
      if (lane) put_begin(packet, slice, *lane);
      companion(packet);
    });
    if (lane && slice.end)
      stream_.packet(Sequence::kMain, [&](protozero::pbf_writer& packet) {
        put_track_event(packet, clock_.to_trace(*slice.end), event::kSliceEnd, *lane);
      });
  }

  template <class Companion>
  void instant(const char* track, Timestamp time, const std::string& name, Companion&& companion) {
    const std::uint64_t id = instants_of(track);
    stream_.packet(Sequence::kMain, [&](protozero::pbf_writer& packet) {
      put_track_event(packet, clock_.to_trace(time), event::kInstant, id, name, "fdr");
      companion(packet);
    });
  }

 private:
  struct Lane {
    std::uint64_t track;
    std::optional<Timestamp> free_from;  // nothing: taken to the end
  };

  std::optional<std::uint64_t> lane_of(const Slice& slice);
  std::uint64_t thread_track(std::uint32_t thread);
  std::uint64_t instants_of(const char* track);
  void put_begin(protozero::pbf_writer& packet, const Slice& slice, std::uint64_t lane);

  PacketStream& stream_;
  const Timeline& timeline_;
  const TraceClock& clock_;
  std::map<std::uint32_t, std::uint64_t> threads_;
  std::map<std::pair<std::uint32_t, std::string_view>, std::vector<Lane>> lanes_;
  std::map<std::string_view, std::uint64_t> instants_;
  std::uint64_t lane_count_ = 0;
};

}  // namespace fdr::perfetto

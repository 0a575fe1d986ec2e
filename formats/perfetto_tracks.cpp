#include "formats/perfetto_tracks.hpp"

namespace fdr::perfetto {

using Message = protozero::pbf_writer;

void put_track_event(Message& packet, std::uint64_t time, std::uint32_t type, std::uint64_t track,
                     const std::string& name, const char* category) {
  packet.add_uint64(packet::kTimestamp, time);
  Message message{packet, packet::kTrackEvent};
  message.add_uint32(event::kType, type);
  message.add_uint64(event::kTrack, track);
  if (category) message.add_string(event::kCategories, category);
  if (!name.empty()) message.add_string(event::kName, name);
}

void Tracks::put_begin(Message& packet, const Slice& slice, std::uint64_t lane) {
  packet.add_uint64(packet::kTimestamp, clock_.to_trace(slice.begin));
  Message message{packet, packet::kTrackEvent};
  message.add_uint32(event::kType, event::kSliceBegin);
  message.add_uint64(event::kTrack, lane);
  message.add_string(event::kCategories, "fdr");
  message.add_string(event::kName, slice.name);
  for (const auto& [name, value] : slice.notes) {
    if (value.empty()) continue;
    Message note{message, event::kAnnotations};
    note.add_string(event::kAnnotationName, name);
    note.add_string(event::kAnnotationString, value);
  }
}

std::uint64_t Tracks::thread_track(std::uint32_t thread) {
  const std::uint64_t id = track_id(TrackKind::kThread, thread);
  if (!threads_.try_emplace(thread, id).second) return id;
  const Thread& t = timeline_.threads[thread];
  const std::int32_t pid = t.process < timeline_.processes.size() ? timeline_.processes[t.process].pid : t.tid;
  stream_.packet(Sequence::kMain, [&](Message& packet) {
    Message track{packet, packet::kTrackDescriptor};
    track.add_uint64(track::kUuid, id);
    Message descriptor{track, track::kThread};
    descriptor.add_int32(track::kPid, pid);
    descriptor.add_int32(track::kTid, t.tid);
  });
  return id;
}

std::optional<std::uint64_t> Tracks::lane_of(const Slice& slice) {
  if (slice.thread >= timeline_.threads.size()) return std::nullopt;
  std::vector<Lane>& lanes = lanes_[{slice.thread, slice.track}];
  for (Lane& lane : lanes) {
    if (!lane.free_from || *lane.free_from > slice.begin) continue;
    lane.free_from = slice.end;
    return lane.track;
  }
  const std::uint64_t parent = thread_track(slice.thread);
  const std::uint64_t id = track_id(TrackKind::kLane, lane_count_++);
  lanes.push_back({id, slice.end});
  stream_.packet(Sequence::kMain, [&](Message& packet) {
    Message track{packet, packet::kTrackDescriptor};
    track.add_uint64(track::kUuid, id);
    track.add_string(track::kName, slice.track);
    track.add_uint64(track::kParent, parent);
  });
  return id;
}

std::uint64_t Tracks::instants_of(const char* name) {
  const auto [entry, fresh] = instants_.try_emplace(name, track_id(TrackKind::kInstants, instants_.size()));
  const std::uint64_t id = entry->second;  // clang 14 does not let a lambda capture a structured binding
  if (fresh)
    stream_.packet(Sequence::kMain, [&](Message& packet) {
      Message track{packet, packet::kTrackDescriptor};
      track.add_uint64(track::kUuid, id);
      track.add_string(track::kName, name);
    });
  return id;
}

}  // namespace fdr::perfetto

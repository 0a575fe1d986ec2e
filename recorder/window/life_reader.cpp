#include "recorder/window/life_reader.hpp"

#include <algorithm>
#include <cstring>

#include "recorder/window/snapshot.hpp"

namespace fdr {

std::vector<fdr_life> LifeReader::read(const WindowView& window) {
  std::vector<fdr_life> events;
  places_.resize(window.layout.slots);
  buffer_.resize(FDR_CHUNK_BYTES);
  const std::uint64_t count = window.layout.chunks[FDR_LIFE];
  for (std::uint32_t slot = 0; slot < window.layout.slots; ++slot) {
    Place& place = places_[slot];
    const std::uint64_t newest = __atomic_load_n(&window.cursor(FDR_LIFE, slot).seq, __ATOMIC_ACQUIRE);
    if (newest == 0) continue;
    std::uint64_t seq = std::max<std::uint64_t>(place.seq, 1);
    if (newest > count && seq < newest - count + 1) {
      lost_chunks_ += newest - count + 1 - seq;
      seq = newest - count + 1;
    }
    for (; seq <= newest; ++seq) {
      ChunkCopy copy;
      if (!copy_chunk(window.chunk(FDR_LIFE, slot, seq), seq, FDR_CHUNK_BYTES - FDR_CHUNK_HEADER, buffer_.data(), copy)) {
        ++lost_chunks_;
        place = {seq + 1, 0};
        continue;
      }
      std::size_t at = seq == place.seq ? place.used : 0;
      while (at + sizeof(fdr_record) <= copy.body.size()) {
        fdr_life event{};
        std::memcpy(&event.head, copy.body.data() + at, sizeof event.head);
        const std::size_t length = std::size_t{event.head.len8} * 8;
        if (length < offsetof(fdr_life, path) || length > sizeof event || at + length > copy.body.size()) break;
        std::memcpy(&event, copy.body.data() + at, length);
        events.push_back(event);
        at += length;
      }
      place = {seq, static_cast<std::uint32_t>(copy.body.size())};
    }
  }
  return events;
}

}  // namespace fdr

// Reads the life ring as it is written: at every tick what is new. What was overwritten between two ticks is counted. Session thread.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "recorder/window/window.hpp"

namespace fdr {

class LifeReader {
 public:
  // How far the ring was read on each slot.
  struct Place {
    std::uint64_t seq = 0;
    std::uint32_t used = 0;
  };
  LifeReader() = default;
  // Goes on where another reader, who has died, left off.
  explicit LifeReader(std::vector<Place> places) : places_(std::move(places)) {}

  std::vector<fdr_life> read(const WindowView& window);
  std::uint64_t lost_chunks() const { return lost_chunks_; }
  const std::vector<Place>& places() const { return places_; }

 private:
  std::vector<Place> places_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t lost_chunks_ = 0;
};

}  // namespace fdr

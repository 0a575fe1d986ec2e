// Reads the life ring as it is written: at every tick what is new. What was overwritten between two ticks is counted. Session thread.
#pragma once

#include <cstdint>
#include <vector>

#include "recorder/window/window.hpp"

namespace fdr {

class LifeReader {
 public:
  std::vector<fdr_life> read(const WindowView& window);
  std::uint64_t lost_chunks() const { return lost_chunks_; }

 private:
  struct Place {
    std::uint64_t seq = 0;
    std::uint32_t used = 0;
  };
  std::vector<Place> places_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t lost_chunks_ = 0;
};

}  // namespace fdr

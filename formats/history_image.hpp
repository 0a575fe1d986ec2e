// The long history as a file: a head, a table of names, and three rings of sealed chunks (seconds, minutes, movers), each
// written round and round. Nothing but the ring's oldest chunks is ever overwritten, so that a crash costs the chunk that was being
// written. Pure: says which bytes go where. `history.fdrh` of a bundle is the same, its rings as long as what is in them.
//
// A reader looks for chunks at every block of a ring and puts them in order by their numbers: where the newest ends is where writing goes
// on. Format: FORMAT.md 6.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/history.hpp"

namespace fdr {

enum class HistoryRing { kSeconds, kMinutes, kMovers, kCount };
inline constexpr std::size_t kHistoryRings = static_cast<std::size_t>(HistoryRing::kCount);

struct HistoryLayout {
  struct Region {
    std::uint64_t offset = 0, bytes = 0;
    bool operator==(const Region&) const = default;
  };
  std::array<Region, kHistoryRings> rings;

  static HistoryLayout within(std::uint64_t max_bytes);  // at least 64 KB
  std::uint64_t total_bytes() const;
  bool operator==(const HistoryLayout&) const = default;
};

// How far back a reader wants to see, from the newest that there is.
struct HistoryReach {
  Duration seconds = std::chrono::hours(24), minutes = std::chrono::hours(24 * 30), movers = std::chrono::hours(24);
};

struct HistoryWrite {
  std::uint64_t offset = 0;
  std::string bytes;
};

// Where the next chunk of each ring goes, and which metric has which place in the table.
class HistoryImage {
 public:
  explicit HistoryImage(const HistoryLayout& layout) : layout_(layout) {}
  // Of the bytes of a file, cut or damaged as they may be; what can be read of it goes into `history`. Nothing where it is no history
  // of this version.
  static std::optional<HistoryImage> open(std::span<const std::uint8_t> file, History& history, const HistoryReach& reach = {});

  const HistoryLayout& layout() const { return layout_; }
  HistoryWrite head() const;
  // The metric's place; a new one has to be written first. Nothing where the table is full or the name too long.
  std::optional<std::uint16_t> place_of(const HistoryMetric& metric, std::vector<HistoryWrite>& writes);
  // Nothing where it does not fit into the ring.
  std::optional<HistoryWrite> add(HistoryRing ring, const std::string& contents);

  // Where a ring's next chunk goes.
  struct End {
    std::uint64_t offset = 0;  // within the ring
    std::uint64_t number = 1;
  };

 private:
  HistoryLayout layout_;
  std::array<End, kHistoryRings> ends_;
  std::vector<HistoryMetric> metrics_;
};

// Throws Error where the bytes are no history at all.
History read_history(std::span<const std::uint8_t> file);
// The whole as a file that is as long as it must be. At most 128 metrics.
std::string history_bytes(const History& history);

}  // namespace fdr

// One chunk of the long history as bytes: rows of seconds or minutes, or looks at the processes that took most; and its
// sealed form, which is what lies in a file. Pure. Decoding takes hostile bytes: every count is bounded, and what cannot be gives nothing.
//
// A value is a float of which 13 significant bits are kept, read as an integer that grows with it (sign and magnitude, as
// IEEE 754 orders them), so that the difference to the row before is small. Columns one after the other; of each all means,
// then all distances down to the least, then up to the greatest, in steps of sixteen and rounded outwards (a fifth of a per cent): what does
// not change is zeros, which zlib all but removes.
// A sealed chunk begins at a multiple of kHistoryBlock and says its length and CRC-32: a torn one is no chunk.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/history.hpp"

namespace fdr {

inline constexpr std::size_t kHistoryBlock = 256;

// Rounded to what is kept; NaN where `value` is not finite or beyond a float.
float history_rounded(double value);
// As it is kept; unknown where the extremes are beyond a float.
HistoryValue history_value(double mean, double least, double greatest);

std::string encode_history_rows(const HistoryRows& rows);
std::optional<HistoryRows> decode_history_rows(std::span<const std::uint8_t> bytes);
std::string encode_history_movers(const std::vector<HistoryMovers>& movers);
std::optional<std::vector<HistoryMovers>> decode_history_movers(std::span<const std::uint8_t> bytes);

struct HistoryChunk {
  std::uint64_t number = 0;      // grows by one from chunk to chunk of a ring
  std::size_t sealed_bytes = 0;  // with its padding
  std::span<const std::uint8_t> packed;
  std::uint32_t contents_bytes = 0;
};

// A multiple of kHistoryBlock.
std::string seal_history_chunk(std::uint64_t number, std::string_view contents);
// The chunk that `bytes` begins with, a view of them; nothing where none does, or it is damaged or torn. Its checksum is of as many bytes as
// it says it has: these are taken from `budget`, and a chunk that would need more is not looked at and makes it 0.
std::optional<HistoryChunk> find_history_chunk(std::span<const std::uint8_t> bytes, std::size_t& budget);
std::optional<HistoryChunk> find_history_chunk(std::span<const std::uint8_t> bytes);
// At most 4 MB. Nothing where they do not unpack.
std::optional<std::string> history_contents(const HistoryChunk& chunk);

}  // namespace fdr

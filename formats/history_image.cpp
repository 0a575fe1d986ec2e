#include "formats/history_image.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <iterator>
#include <map>

#include "formats/byte_cursor.hpp"
#include "formats/error.hpp"
#include "formats/history_code.hpp"

namespace fdr {
namespace {

constexpr std::string_view kMagic = "FDRHIST\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kNameSlot = kMaxHistoryName + 8, kNamesAt = kHistoryBlock;
constexpr std::uint64_t kRingsAt = kNamesAt + kNameSlot * kMaxHistoryMetrics;
constexpr std::uint64_t kMostBytes = 1u << 30;
constexpr std::size_t kMostContents = 64u << 20;  // unpacked, of one ring: a day of the busiest host has 40 MB
static_assert(kRingsAt % kHistoryBlock == 0);

std::uint32_t sum_of(const void* bytes, std::size_t count) { return static_cast<std::uint32_t>(::crc32(0, static_cast<const Bytef*>(bytes), static_cast<uInt>(count))); }

template <class T>
void put(std::string& text, T value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string name_slot(const HistoryMetric& metric) {
  std::string slot;
  put(slot, static_cast<std::uint8_t>(metric.name.size()));
  put(slot, static_cast<std::uint8_t>(metric.unit));
  put(slot, static_cast<std::uint8_t>(metric.kind));
  slot += '\0';
  slot += metric.name;
  slot.resize(kNameSlot - 4);
  put(slot, sum_of(slot.data(), slot.size()));
  return slot;
}

std::optional<HistoryMetric> metric_of(std::span<const std::uint8_t> slot) {
  ByteCursor bytes(slot);
  const auto length = bytes.read<std::uint8_t>(), unit = bytes.read<std::uint8_t>(), kind = bytes.read<std::uint8_t>();
  bytes.read<std::uint8_t>();
  const auto name = bytes.take(kMaxHistoryName);
  const auto sum = bytes.read<std::uint32_t>();
  if (bytes.failed() || length == 0 || length > kMaxHistoryName || sum != sum_of(slot.data(), kNameSlot - 4)) return std::nullopt;
  if (unit > static_cast<std::uint8_t>(Unit::kCount) || kind > static_cast<std::uint8_t>(MetricKind::kCounter)) return std::nullopt;
  return HistoryMetric{std::string(reinterpret_cast<const char*>(name.data()), length), static_cast<Unit>(unit), static_cast<MetricKind>(kind)};
}

std::optional<HistoryLayout> layout_of(ByteCursor bytes) {
  const auto magic = bytes.take(kMagic.size());
  if (magic.empty() || std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) return std::nullopt;
  const std::size_t from = bytes.position();
  std::string fields;
  const auto field = [&] {
    const auto value = bytes.read<std::uint64_t>();
    put(fields, value);
    return value;
  };
  const std::uint64_t version = field();
  HistoryLayout layout;
  for (HistoryLayout::Region& ring : layout.rings) {
    ring.offset = field();
    ring.bytes = field();
  }
  const auto sum = bytes.read<std::uint32_t>();
  if (bytes.failed() || version != kVersion || sum != sum_of(fields.data(), fields.size()) || from != kMagic.size()) return std::nullopt;
  std::uint64_t end = kRingsAt;
  for (const HistoryLayout::Region& ring : layout.rings) {
    if (ring.offset != end || ring.bytes > kMostBytes || ring.bytes % kHistoryBlock) return std::nullopt;
    end += ring.bytes;
  }
  return layout;
}

// By their numbers. Where two have the same one, somebody made that up, and the first one stands. What is no chunk is tried again a block
// later: beginnings that each claim the megabytes behind them end the search, for an honest ring is checksummed once.
std::map<std::uint64_t, std::pair<std::size_t, HistoryChunk>> chunks_of(std::span<const std::uint8_t> ring, std::size_t& damaged) {
  std::map<std::uint64_t, std::pair<std::size_t, HistoryChunk>> found;  // and where it ends
  std::size_t budget = 2 * ring.size();
  for (std::size_t at = 0; at + kHistoryBlock <= ring.size();) {
    const auto chunk = find_history_chunk(ring.subspan(at), budget);
    if (budget == 0) {
      ++damaged;
      break;
    }
    at += chunk ? chunk->sealed_bytes : kHistoryBlock;
    if (chunk) found.try_emplace(chunk->number, at, *chunk);
  }
  return found;
}

// Unpacked newest first, until `wants` has enough or it becomes more than any honest file holds.
template <class Wants>
void unpack(const std::map<std::uint64_t, std::pair<std::size_t, HistoryChunk>>& chunks, std::size_t& damaged, const Wants& wants) {
  std::size_t budget = kMostContents;
  for (auto entry = chunks.rbegin(); entry != chunks.rend(); ++entry) {
    const HistoryChunk& chunk = entry->second.second;
    if (chunk.contents_bytes > budget) return;
    budget -= chunk.contents_bytes;
    const auto contents = history_contents(chunk);
    if (!contents) {
      ++damaged;
    } else if (!wants(std::span(reinterpret_cast<const std::uint8_t*>(contents->data()), contents->size()))) {
      return;
    }
  }
}

// `rows` are older than those in `runs`. Where the wall clock was set back, the newer ones stand and what they overlap goes.
void prepend(std::deque<HistoryRows>& runs, HistoryRows rows) {
  if (!runs.empty() && rows.end_ns() > runs.front().start_ns) {
    const std::int64_t room = std::max<std::int64_t>(0, runs.front().start_ns - rows.start_ns);
    rows.rows = static_cast<std::uint32_t>(std::min<std::int64_t>(rows.rows, room / rows.step.count()));
    for (auto& column : rows.columns) column.values.resize(rows.rows);
  }
  if (rows.rows > 0) runs.push_front(std::move(rows));
}

void read_rows(std::span<const std::uint8_t> ring, std::size_t metrics, Duration reach, HistoryImage::End& end, std::vector<HistoryRows>& runs, std::size_t& damaged) {
  const auto chunks = chunks_of(ring, damaged);
  if (!chunks.empty()) end = {chunks.rbegin()->second.first, chunks.rbegin()->first + 1};
  std::deque<HistoryRows> found;
  unpack(chunks, damaged, [&](std::span<const std::uint8_t> contents) {
    auto rows = decode_history_rows(contents);
    if (!rows) return ++damaged, true;
    std::erase_if(rows->columns, [&](const auto& column) { return column.metric >= metrics; });
    prepend(found, std::move(*rows));
    return found.empty() || found.back().end_ns() - found.front().start_ns < reach.count();
  });
  runs.assign(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
}

void read_movers(std::span<const std::uint8_t> ring, Duration reach, HistoryImage::End& end, std::vector<HistoryMovers>& movers, std::size_t& damaged) {
  const auto chunks = chunks_of(ring, damaged);
  if (!chunks.empty()) end = {chunks.rbegin()->second.first, chunks.rbegin()->first + 1};
  std::deque<HistoryMovers> found;
  unpack(chunks, damaged, [&](std::span<const std::uint8_t> contents) {
    auto looks = decode_history_movers(contents);
    if (!looks) return ++damaged, true;
    for (auto look = looks->rbegin(); look != looks->rend(); ++look)
      if (found.empty() || look->time_ns < found.front().time_ns) found.push_front(std::move(*look));
    return found.empty() || found.back().time_ns - found.front().time_ns < reach.count();
  });
  movers.assign(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
}

}  // namespace

HistoryLayout HistoryLayout::within(std::uint64_t max_bytes) {
  constexpr std::array<std::uint64_t, kHistoryRings> kPercent = {60, 30, 10};
  FDR_CHECK(max_bytes >= 64u << 10);
  HistoryLayout layout;
  std::uint64_t offset = kRingsAt;
  for (std::size_t i = 0; i < kHistoryRings; ++i) {
    const std::uint64_t bytes = (std::min(max_bytes, kMostBytes) - kRingsAt) * kPercent[i] / 100 / kHistoryBlock * kHistoryBlock;
    layout.rings[i] = {offset, bytes};
    offset += bytes;
  }
  return layout;
}

std::uint64_t HistoryLayout::total_bytes() const { return rings.back().offset + rings.back().bytes; }

HistoryWrite HistoryImage::head() const {
  std::string fields;
  put(fields, std::uint64_t{kVersion});
  for (const HistoryLayout::Region& ring : layout_.rings) {
    put(fields, ring.offset);
    put(fields, ring.bytes);
  }
  std::string head = std::string(kMagic) + fields;
  put(head, sum_of(fields.data(), fields.size()));
  head.resize(kHistoryBlock);
  return {0, head};
}

std::optional<std::uint16_t> HistoryImage::place_of(const HistoryMetric& metric, std::vector<HistoryWrite>& writes) {
  const auto known = std::find(metrics_.begin(), metrics_.end(), metric);
  const auto place = static_cast<std::uint16_t>(known - metrics_.begin());
  if (known != metrics_.end()) return place;
  if (metrics_.size() == kMaxHistoryMetrics || metric.name.empty() || metric.name.size() > kMaxHistoryName) return std::nullopt;
  metrics_.push_back(metric);
  writes.push_back({kNamesAt + kNameSlot * place, name_slot(metric)});
  return place;
}

std::optional<HistoryWrite> HistoryImage::add(HistoryRing ring, const std::string& contents) {
  const HistoryLayout::Region& region = layout_.rings[static_cast<std::size_t>(ring)];
  End& end = ends_[static_cast<std::size_t>(ring)];
  std::string chunk = seal_history_chunk(end.number, contents);
  if (chunk.size() > region.bytes) return std::nullopt;
  if (end.offset + chunk.size() > region.bytes) end.offset = 0;
  const std::uint64_t at = region.offset + end.offset;
  end.offset += chunk.size();
  ++end.number;
  return HistoryWrite{at, std::move(chunk)};
}

std::optional<HistoryImage> HistoryImage::open(std::span<const std::uint8_t> file, History& history, const HistoryReach& reach) {
  const auto layout = layout_of(ByteCursor(file));
  if (!layout) return std::nullopt;
  HistoryImage image(*layout);
  for (std::size_t i = 0; i < kMaxHistoryMetrics && kNamesAt + kNameSlot * (i + 1) <= file.size(); ++i) {
    auto metric = metric_of(file.subspan(kNamesAt + kNameSlot * i, kNameSlot));
    if (!metric) break;
    image.metrics_.push_back(std::move(*metric));
  }
  std::size_t damaged = 0;
  const auto ring = [&](HistoryRing which) {
    const HistoryLayout::Region& region = layout->rings[static_cast<std::size_t>(which)];
    return region.offset >= file.size() ? file.first(0) : file.subspan(region.offset, std::min<std::uint64_t>(region.bytes, file.size() - region.offset));
  };
  read_rows(ring(HistoryRing::kSeconds), image.metrics_.size(), reach.seconds, image.ends_[0], history.seconds, damaged);
  read_rows(ring(HistoryRing::kMinutes), image.metrics_.size(), reach.minutes, image.ends_[1], history.minutes, damaged);
  read_movers(ring(HistoryRing::kMovers), reach.movers, image.ends_[2], history.movers, damaged);
  history.metrics = image.metrics_;
  if (damaged) history.problems.push_back(fmt::format("{} pieces of the history are damaged and left out", damaged));
  return image;
}

History read_history(std::span<const std::uint8_t> file) {
  History history;
  if (!HistoryImage::open(file, history)) throw Error("this is no history of a version that can be read here", "a history is a file whose name ends in .fdrh, below the directory of the bundles");
  return history;
}

std::string history_bytes(const History& history) {
  FDR_CHECK(history.metrics.size() <= kMaxHistoryMetrics);
  std::array<std::vector<std::string>, kHistoryRings> contents;
  for (const HistoryRows& rows : history.seconds) contents[0].push_back(encode_history_rows(rows));
  for (const HistoryRows& rows : history.minutes) contents[1].push_back(encode_history_rows(rows));
  constexpr std::size_t kLooksAtOnce = 64;
  for (std::size_t i = 0; i < history.movers.size(); i += kLooksAtOnce)
    contents[2].push_back(encode_history_movers({history.movers.begin() + static_cast<std::ptrdiff_t>(i),
                                                 history.movers.begin() + static_cast<std::ptrdiff_t>(std::min(i + kLooksAtOnce, history.movers.size()))}));
  std::string rings;
  HistoryLayout layout;
  for (std::size_t i = 0; i < kHistoryRings; ++i) {
    layout.rings[i].offset = kRingsAt + rings.size();
    std::uint64_t number = 0;
    for (const std::string& part : contents[i]) rings += seal_history_chunk(++number, part);
    layout.rings[i].bytes = kRingsAt + rings.size() - layout.rings[i].offset;
  }
  HistoryImage image(layout);
  std::vector<HistoryWrite> names;
  for (const HistoryMetric& metric : history.metrics) FDR_CHECK(image.place_of(metric, names));
  std::string file = image.head().bytes;
  file.resize(kRingsAt);
  for (const HistoryWrite& name : names) file.replace(name.offset, name.bytes.size(), name.bytes);
  return file + rings;
}

}  // namespace fdr

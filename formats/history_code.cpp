#include "formats/history_code.hpp"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>

#include "formats/byte_cursor.hpp"
#include "formats/error.hpp"

namespace fdr {
namespace {

constexpr unsigned kDroppedBits = 11;  // of the 23 of a float's fraction
constexpr std::int64_t kExtremeStep = 16;
constexpr std::uint32_t kChunkMagic = 0x43524446;  // "FDRC"
constexpr std::size_t kMaxContents = 4u << 20, kMaxNameBytes = 64;
constexpr std::size_t kMaxLooks = 512;

// Ordered as the floats are.
std::int32_t code_of(float value) {
  const auto bits = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(value) & 0x7fffffffu);
  const std::int32_t rounded = bits >> kDroppedBits;
  return std::signbit(value) ? -rounded : rounded;
}

std::optional<float> value_of(std::int64_t code) {
  constexpr std::int64_t kInfinity = 0x7f800000 >> kDroppedBits;
  if (code <= -kInfinity || code >= kInfinity) return std::nullopt;
  const auto bits = static_cast<std::uint32_t>(code < 0 ? -code : code) << kDroppedBits;
  const float value = std::bit_cast<float>(bits);
  return code < 0 ? -value : value;
}

// Steps between two codes, rounded up.
std::int64_t steps(std::int64_t low, std::int64_t high) { return std::max<std::int64_t>(0, high - low + kExtremeStep - 1) / kExtremeStep; }

class Bytes {
 public:
  template <class T>
  void fixed(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
  }
  void text(std::string_view text) {
    text = text.substr(0, kMaxNameBytes);
    number(text.size());
    text_ += text;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

constexpr std::uint64_t zigzag(std::int64_t value) { return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63); }
constexpr std::int64_t unzigzag(std::uint64_t value) { return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1); }

void encode_column(const HistoryRows::Column& column, Bytes& out) {
  out.number(column.metric);
  std::int64_t before = 0;
  for (const HistoryValue& value : column.values) {
    if (!value.known()) {
      out.number(0);
      continue;
    }
    const std::int64_t code = code_of(value.mean);
    out.number(1 + zigzag(code - before));
    before = code;
  }
  for (const HistoryValue& value : column.values)
    if (value.known()) out.number(static_cast<std::uint64_t>(steps(code_of(value.least), code_of(value.mean))));
  for (const HistoryValue& value : column.values)
    if (value.known()) out.number(static_cast<std::uint64_t>(steps(code_of(value.mean), code_of(value.greatest))));
}

constexpr std::int64_t kBeyond = std::int64_t{1} << 31;  // no code, and no distance of two, is as large

bool decode_column(ByteCursor& bytes, std::uint32_t rows, HistoryRows::Column& column) {
  const std::uint64_t metric = bytes.uleb128();
  if (metric >= kMaxHistoryMetrics || bytes.left() < rows) return false;
  column.metric = static_cast<std::uint16_t>(metric);
  column.values.resize(rows);
  std::vector<std::int64_t> codes(rows);
  std::int64_t before = 0;
  const auto take = [&](std::int64_t code, float& value) {
    const auto known = value_of(code);
    if (known) value = *known;
    return known.has_value();
  };
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::uint64_t stored = bytes.uleb128();
    if (stored == 0) continue;
    const std::int64_t step = unzigzag(stored - 1);
    if (step > kBeyond || step < -kBeyond) return false;
    codes[i] = before += step;
    if (!take(before, column.values[i].mean)) return false;
  }
  for (const bool up : {false, true}) {
    for (std::uint32_t i = 0; i < rows; ++i) {
      HistoryValue& value = column.values[i];
      if (!value.known()) continue;
      const std::uint64_t distance = bytes.uleb128();
      if (distance > static_cast<std::uint64_t>(kBeyond)) return false;
      const std::int64_t far = kExtremeStep * static_cast<std::int64_t>(distance);
      if (!take(up ? codes[i] + far : codes[i] - far, up ? value.greatest : value.least)) return false;
    }
  }
  return !bytes.failed();
}

}  // namespace

float history_rounded(double value) {
  const auto narrow = static_cast<float>(value);
  if (!std::isfinite(value) || !std::isfinite(narrow)) return std::numeric_limits<float>::quiet_NaN();
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(narrow);
  const std::uint32_t half = 1u << (kDroppedBits - 1);
  const float rounded = std::bit_cast<float>((bits + half) & ~((1u << kDroppedBits) - 1));
  return std::isfinite(rounded) ? rounded : std::bit_cast<float>(bits & ~((1u << kDroppedBits) - 1));
}

HistoryValue history_value(double mean, double least, double greatest) {
  const float middle = history_rounded(mean), low = history_rounded(least), high = history_rounded(greatest);
  if (std::isnan(middle) || std::isnan(low) || std::isnan(high)) return {};
  const std::int64_t code = code_of(middle);
  const auto bottom = value_of(code - kExtremeStep * steps(code_of(low), code)), top = value_of(code + kExtremeStep * steps(code, code_of(high)));
  if (!bottom || !top) return {};
  return {middle, *bottom, *top};
}

std::string encode_history_rows(const HistoryRows& rows) {
  FDR_CHECK(rows.rows > 0 && rows.rows <= kMaxHistoryRows && rows.columns.size() <= kMaxHistoryMetrics);
  Bytes out;
  out.fixed(rows.start_ns);
  out.number(static_cast<std::uint64_t>(rows.step.count()));
  out.number(rows.rows);
  out.number(rows.columns.size());
  for (const HistoryRows::Column& column : rows.columns) {
    FDR_CHECK(column.values.size() == rows.rows);
    encode_column(column, out);
  }
  return out.take();
}

std::optional<HistoryRows> decode_history_rows(std::span<const std::uint8_t> contents) {
  constexpr std::int64_t kLatest_ns = std::int64_t{1} << 62;  // the year 2116
  ByteCursor bytes(contents);
  HistoryRows rows;
  rows.start_ns = bytes.read<std::int64_t>();
  const std::uint64_t step = bytes.uleb128(), count = bytes.uleb128(), columns = bytes.uleb128();
  if (bytes.failed() || rows.start_ns < 0 || rows.start_ns > kLatest_ns) return std::nullopt;
  if (step < 1'000'000 || step > 86'400'000'000'000 || count == 0 || count > kMaxHistoryRows || columns > kMaxHistoryMetrics) return std::nullopt;
  rows.step = Duration{static_cast<std::int64_t>(step)};
  rows.rows = static_cast<std::uint32_t>(count);
  for (std::uint64_t i = 0; i < columns; ++i)
    if (!decode_column(bytes, rows.rows, rows.columns.emplace_back())) return std::nullopt;
  return rows;
}

std::string encode_history_movers(const std::vector<HistoryMovers>& movers) {
  FDR_CHECK(movers.size() <= kMaxLooks);
  Bytes out;
  out.number(movers.size());
  for (const HistoryMovers& look : movers) {
    FDR_CHECK(look.processes.size() <= kMaxMovers);
    out.fixed(look.time_ns);
    out.number(static_cast<std::uint64_t>(look.span.count()));
    out.number(look.processes.size());
    for (const HistoryMovers::Process& process : look.processes) {
      out.text(process.name);
      out.number(static_cast<std::uint32_t>(process.pid));
      for (const float value : {process.cpu_percent, process.rss_bytes, process.io_bytes_s}) out.number(zigzag(code_of(history_rounded(value))));
      out.number(process.ended);
    }
  }
  return out.take();
}

std::optional<std::vector<HistoryMovers>> decode_history_movers(std::span<const std::uint8_t> contents) {
  ByteCursor bytes(contents);
  const std::uint64_t looks = bytes.uleb128();
  if (bytes.failed() || looks > kMaxLooks) return std::nullopt;
  std::vector<HistoryMovers> movers(looks);
  for (HistoryMovers& look : movers) {
    look.time_ns = bytes.read<std::int64_t>();
    const std::uint64_t span = bytes.uleb128(), processes = bytes.uleb128();
    if (bytes.failed() || look.time_ns < 0 || span > 86'400'000'000'000 || processes > kMaxMovers) return std::nullopt;
    look.span = Duration{static_cast<std::int64_t>(span)};
    look.processes.resize(processes);
    for (HistoryMovers::Process& process : look.processes) {
      const std::uint64_t length = bytes.uleb128();
      if (length > kMaxNameBytes) return std::nullopt;
      const auto name = bytes.take(length);
      process.name.assign(name.begin(), name.end());
      process.pid = static_cast<std::int32_t>(bytes.uleb128() & INT32_MAX);
      for (float* value : {&process.cpu_percent, &process.rss_bytes, &process.io_bytes_s}) {
        const std::int64_t code = unzigzag(bytes.uleb128());
        const auto known = value_of(std::clamp(code, -kBeyond, kBeyond));
        if (!known) return std::nullopt;
        *value = *known;
      }
      process.ended = bytes.uleb128() != 0;
    }
  }
  if (bytes.failed()) return std::nullopt;
  return movers;
}

std::string seal_history_chunk(std::uint64_t number, std::string_view contents) {
  FDR_CHECK(contents.size() <= kMaxContents);
  uLongf packed_bytes = ::compressBound(static_cast<uLong>(contents.size()));
  std::string packed(packed_bytes, '\0');
  const int status = ::compress2(reinterpret_cast<Bytef*>(packed.data()), &packed_bytes, reinterpret_cast<const Bytef*>(contents.data()),
                                 static_cast<uLong>(contents.size()), Z_DEFAULT_COMPRESSION);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  FDR_CHECK(status == Z_OK);
  packed.resize(packed_bytes);
  Bytes tail;
  tail.fixed(static_cast<std::uint32_t>(contents.size()));
  tail.fixed(number);
  const std::string checked = tail.take() + packed;
  Bytes head;
  head.fixed(kChunkMagic);
  head.fixed(static_cast<std::uint32_t>(packed.size()));
  head.fixed(static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()))));
  std::string chunk = head.take() + checked;
  chunk.resize((chunk.size() + kHistoryBlock - 1) / kHistoryBlock * kHistoryBlock);
  return chunk;
}

std::optional<HistoryChunk> find_history_chunk(std::span<const std::uint8_t> bytes) {
  std::size_t budget = SIZE_MAX;
  return find_history_chunk(bytes, budget);
}

std::optional<HistoryChunk> find_history_chunk(std::span<const std::uint8_t> bytes, std::size_t& budget) {
  ByteCursor cursor(bytes);
  if (cursor.read<std::uint32_t>() != kChunkMagic) return std::nullopt;
  const auto packed_bytes = cursor.read<std::uint32_t>(), sum = cursor.read<std::uint32_t>();
  const std::size_t checked_from = cursor.position();
  HistoryChunk chunk;
  chunk.contents_bytes = cursor.read<std::uint32_t>();
  chunk.number = cursor.read<std::uint64_t>();
  chunk.packed = cursor.take(packed_bytes);
  if (cursor.failed() || chunk.contents_bytes > kMaxContents || packed_bytes > ::compressBound(chunk.contents_bytes)) return std::nullopt;
  const auto checked = bytes.subspan(checked_from, cursor.position() - checked_from);
  if (checked.size() > budget) return budget = 0, std::nullopt;
  budget -= checked.size();
  if (::crc32(0, checked.data(), static_cast<uInt>(checked.size())) != sum) return std::nullopt;
  chunk.sealed_bytes = (cursor.position() + kHistoryBlock - 1) / kHistoryBlock * kHistoryBlock;
  return chunk;
}

std::optional<std::string> history_contents(const HistoryChunk& chunk) {
  std::string contents(chunk.contents_bytes, '\0');
  uLongf got = chunk.contents_bytes;
  const int status = ::uncompress(reinterpret_cast<Bytef*>(contents.data()), &got, chunk.packed.data(), static_cast<uLong>(chunk.packed.size()));
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status != Z_OK || got != contents.size()) return std::nullopt;
  return contents;
}

}  // namespace fdr

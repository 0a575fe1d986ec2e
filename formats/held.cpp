#include "formats/held.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "formats/error.hpp"
#include "formats/json_text.hpp"
#include "formats/json_writer.hpp"

namespace fdr {
namespace {

using Value = nlohmann::json;

constexpr std::size_t kMostBlocks = 2u << 20;

[[noreturn]] void damaged(const char* what) { throw Error(std::string(kAllocationsFile) + ": " + what); }

std::uint64_t number(const Value& value) {
  if (!value.is_number_unsigned()) damaged("a number is none");
  return value.get<std::uint64_t>();
}

std::uint64_t number(const Value& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) damaged("a key is missing");
  return number(*found);
}

Timestamp time_of(std::uint64_t ns) {
  if (ns > INT64_MAX) damaged("a time beyond all times");
  return Timestamp{Duration{static_cast<std::int64_t>(ns)}};
}

// Stored plus one, as in the trace.
std::uint32_t index_of(std::uint64_t stored, std::size_t rows) {
  if (stored > rows) damaged("an index beyond its table");
  return stored == 0 ? kNoIndex : static_cast<std::uint32_t>(stored - 1);
}

std::uint64_t stored(std::uint32_t index) { return index == kNoIndex ? 0 : std::uint64_t{index} + 1; }

}  // namespace

static_assert(kNoIndex == kNoStack);

std::uint64_t HeldBlocks::weight(std::uint64_t size) const {
  const double bytes = static_cast<double>(size);
  const double chance = every_bytes ? -std::expm1(-bytes / static_cast<double>(every_bytes)) : 1;
  return chance > 0 && bytes / chance < 1e18 ? static_cast<std::uint64_t>(std::llround(bytes / chance)) : size;
}

std::string held_json(const HeldBlocks& held) {
  return json_file([&](JsonWriter& json) {
    json.field("every_bytes", held.every_bytes);
    json.field("since_ns", to_ns(held.since));
    json.field("sampled", held.sampled);
    json.array("blocks", [&] {
      for (const Held& one : held.blocks) json.item(std::array{stored(one.process), stored(one.stack), static_cast<std::uint64_t>(to_ns(one.time)), one.size});
    });
  });
}

HeldBlocks held_blocks(std::string_view text, const Timeline& timeline) {
  HeldBlocks held;
  if (text.empty()) return held;
  const Value document = parse_json(text, kAllocationsFile);
  if (!document.is_object()) damaged("it holds no object");
  held.every_bytes = number(document, "every_bytes");
  held.since = time_of(number(document, "since_ns"));
  held.sampled = number(document, "sampled");
  const auto blocks = document.find("blocks");
  if (blocks == document.end() || !blocks->is_array() || blocks->size() > kMostBlocks) damaged("no list of blocks");
  for (const Value& row : *blocks) {
    if (!row.is_array() || row.size() < 4) damaged("a block is none");
    held.blocks.push_back({.time = time_of(number(row[2])),
                           .process = index_of(number(row[0]), timeline.processes.size()),
                           .size = number(row[3]),
                           .stack = index_of(number(row[1]), timeline.stacks.stack_count())});
  }
  std::stable_sort(held.blocks.begin(), held.blocks.end(), [](const Held& a, const Held& b) { return a.time < b.time; });
  return held;
}

}  // namespace fdr

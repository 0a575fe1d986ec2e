// Numbers with a unit, as rules and configurations write them: "30%", "100ms", "1.5h", "64MB", "10MB/s". KB, MB, GB and
// TB are 1024-based. Pure; malformed text is a value (nothing), never an exception.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/clock.hpp"
#include "formats/timeline.hpp"

namespace fdr {

struct UnitSuffix {
  std::string_view text;
  Unit unit;
  double factor;  // to the base unit: percent, seconds, bytes
};
// "%", "ns" .. "d", "B" .. "TB"; nullptr for anything else.
const UnitSuffix* find_unit_suffix(std::string_view text);

// "60s", "100ms", "1.5h" -> Duration; "64MB" -> bytes; "5%" -> 5. Nothing where the text is malformed or has no unit.
std::optional<Duration> parse_duration(std::string_view text);
std::optional<std::uint64_t> parse_size(std::string_view text);
std::optional<double> parse_percent(std::string_view text);

// The inverse: the largest unit that needs no fraction, "90s" for 90 s, "1200ms" for 1.2 s, "64MB".
std::string duration_literal(Duration duration);
// For a sentence: "90 s".
std::string duration_words(Duration duration);
std::string size_literal(std::uint64_t bytes);

// For people: "41.2 %", "312 MB", "1.20 s", "17"; "/s" after it where it is a rate. "unknown" for NaN.
std::string quantity_text(double value, Unit unit, bool per_second = false);
// "%", "bytes", "seconds", "a plain number"
std::string unit_words(Unit unit);

}  // namespace fdr

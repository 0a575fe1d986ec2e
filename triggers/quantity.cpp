#include "triggers/quantity.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kKilo = 1024;

constexpr std::array kSuffixes = {
    UnitSuffix{"%", Unit::kPercent, 1},
    UnitSuffix{"ns", Unit::kSeconds, 1e-9},
    UnitSuffix{"us", Unit::kSeconds, 1e-6},
    UnitSuffix{"ms", Unit::kSeconds, 1e-3},
    UnitSuffix{"s", Unit::kSeconds, 1},
    UnitSuffix{"m", Unit::kSeconds, 60},
    UnitSuffix{"h", Unit::kSeconds, 3600},
    UnitSuffix{"d", Unit::kSeconds, 86400},
    UnitSuffix{"B", Unit::kBytes, 1},
    UnitSuffix{"KB", Unit::kBytes, kKilo},
    UnitSuffix{"MB", Unit::kBytes, kKilo* kKilo},
    UnitSuffix{"GB", Unit::kBytes, kKilo* kKilo* kKilo},
    UnitSuffix{"TB", Unit::kBytes, kKilo* kKilo* kKilo* kKilo},
};

// Beyond these an int64 of nanoseconds or bytes would be near its end: 100 years, 4 EB.
constexpr double kMaxSeconds = 100 * 365.0 * 86400;
constexpr double kMaxBytes = 4 * 1024.0 * 1024 * 1024 * 1024 * 1024 * 1024;

// A number without sign or spaces that is followed by a suffix of `unit`, in the base unit.
std::optional<double> parse_quantity(std::string_view text, Unit unit) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number)) return std::nullopt;
  const UnitSuffix* suffix = find_unit_suffix(text.substr(static_cast<std::size_t>(end - text.data())));
  if (!suffix || suffix->unit != unit) return std::nullopt;
  return number * suffix->factor;
}

}  // namespace

const UnitSuffix* find_unit_suffix(std::string_view text) {
  for (const UnitSuffix& suffix : kSuffixes) {
    if (suffix.text == text) return &suffix;
  }
  return nullptr;
}

std::optional<Duration> parse_duration(std::string_view text) {
  const auto seconds = parse_quantity(text, Unit::kSeconds);
  if (!seconds || *seconds > kMaxSeconds) return std::nullopt;
  return Duration{static_cast<std::int64_t>(std::llround(*seconds * 1e9))};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto bytes = parse_quantity(text, Unit::kBytes);
  if (!bytes || *bytes > kMaxBytes) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*bytes));
}

std::optional<double> parse_percent(std::string_view text) { return parse_quantity(text, Unit::kPercent); }

std::string duration_words(Duration duration) {
  const std::string literal = duration_literal(duration);
  const std::size_t digits = literal.find_first_not_of("0123456789");
  return literal.substr(0, digits) + " " + literal.substr(digits);
}

std::string duration_literal(Duration duration) {
  struct Step {
    std::int64_t ns;
    const char* unit;
  };
  static constexpr std::array steps = {Step{3'600'000'000'000, "h"}, Step{60'000'000'000, "m"},
                                       Step{1'000'000'000, "s"}, Step{1'000'000, "ms"}, Step{1'000, "us"}};
  const std::int64_t ns = duration.count();
  if (ns == 0) return "0s";
  for (const Step& step : steps) {
    if (ns % step.ns == 0) return fmt::format("{}{}", ns / step.ns, step.unit);
  }
  return fmt::format("{}ns", ns);
}

std::string size_literal(std::uint64_t bytes) {
  static constexpr std::array units = {"TB", "GB", "MB", "KB"};
  std::uint64_t factor = 1ull << 40;
  for (const char* unit : units) {
    if (bytes != 0 && bytes % factor == 0) return fmt::format("{}{}", bytes / factor, unit);
    factor >>= 10;
  }
  return fmt::format("{}B", bytes);
}

std::string quantity_text(double value, Unit unit, bool per_second) {
  if (std::isnan(value)) return "unknown";
  const char* rate = per_second ? "/s" : "";
  const char* sign = value < 0 ? "-" : "";
  switch (unit) {
    case Unit::kPercent:
      return fmt::format("{:.1f} %{}", value, rate);
    case Unit::kBytes:
      return fmt::format("{}{}{}", sign, bytes_text(std::abs(value)), rate);
    case Unit::kSeconds:
      if (std::abs(value) > kMaxSeconds) return fmt::format("{:.3g} s{}", value, rate);
      return duration_text(from_seconds(value)) + rate;
    case Unit::kNone:
    case Unit::kCount:
      break;
  }
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  return whole ? fmt::format("{:.0f}{}", value, rate) : fmt::format("{:.4g}{}", value, rate);
}

std::string unit_words(Unit unit) {
  switch (unit) {
    case Unit::kPercent:
      return "%";
    case Unit::kBytes:
      return "bytes";
    case Unit::kSeconds:
      return "seconds";
    case Unit::kNone:
    case Unit::kCount:
      break;
  }
  return "a plain number";
}

}  // namespace fdr

#include "recorder/logs/number_text.hpp"

#include <charconv>
#include <cmath>

namespace fdr {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool joins(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.'; }

}  // namespace

std::optional<double> first_number(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && joins(text[i - 1])) continue;
    const bool negative = text[i] == '-';
    const std::size_t begin = i + (negative || text[i] == '+' ? 1 : 0);
    const bool fraction = begin + 1 < text.size() && text[begin] == '.' && is_digit(text[begin + 1]);
    if (begin >= text.size() || !(is_digit(text[begin]) || fraction)) continue;
    double number = 0;
    const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), number);
    if (error == std::errc{} && std::isfinite(number)) return negative ? -number : number;
  }
  return std::nullopt;
}

}  // namespace fdr

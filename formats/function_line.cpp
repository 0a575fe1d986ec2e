#include "formats/function_line.hpp"

#include <fmt/format.h>

#include <charconv>

namespace fdr {
namespace {

// Takes a number and the blank behind it off the line.
bool take_hex(std::string_view& line, std::uint64_t& value) {
  if (line.starts_with("0x")) line.remove_prefix(2);
  const char* const end = line.data() + line.size();
  const auto [behind, error] = std::from_chars(line.data(), end, value, 16);
  if (error != std::errc() || behind == end || *behind != ' ') return false;
  line.remove_prefix(static_cast<std::size_t>(behind - line.data()) + 1);
  return true;
}

}  // namespace

std::optional<FunctionLine> parse_function_line(std::string_view line) {
  FunctionLine function;
  if (!take_hex(line, function.start) || !take_hex(line, function.size)) return std::nullopt;
  if (function.start + function.size < function.start) return std::nullopt;
  function.name = line;
  return function;
}

std::string function_line(std::uint64_t start, std::uint64_t size, std::string_view name) {
  return fmt::format("{:x} {:x} {}", start, size, name);
}

}  // namespace fdr

// One function as a line of text, "START SIZE NAME" with both numbers in hexadecimal: as perf map files have it
// (tools/perf/Documentation/jit-interface.txt of the kernel), and as modules.json keeps slices of symbol tables. Written
// by strangers: what is not such a line, or an impossible range, is nothing. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fdr {

struct FunctionLine {
  std::uint64_t start = 0, size = 0;  // start + size does not overflow
  std::string_view name;              // a view of the line; may be empty
};

// Without the newline. "0x" before a number is allowed.
std::optional<FunctionLine> parse_function_line(std::string_view line);
std::string function_line(std::uint64_t start, std::uint64_t size, std::string_view name);

}  // namespace fdr

#include <array>
#include <cstdint>
#include <utility>

#include "unwind/rust_names.hpp"
#include "unwind/rust_text.hpp"

namespace fdr {

using namespace rust;

namespace {

// One "$...$" escape at the beginning of `text`; its length, or 0 where there is none.
std::size_t append_escape(std::string& out, std::string_view text) {
  const std::size_t end = text.find('$', 1);
  if (end == std::string_view::npos) return 0;
  const std::string_view code = text.substr(1, end - 1);
  static constexpr std::array<std::pair<std::string_view, char>, 8> kEscapes = {
      {{"SP", '@'}, {"BP", '*'}, {"RF", '&'}, {"LT", '<'}, {"GT", '>'}, {"LP", '('}, {"RP", ')'}, {"C", ','}}};
  for (const auto& [name, letter] : kEscapes)
    if (code == name) return out += letter, end + 1;
  if (code.size() < 2 || code.size() > 7 || code[0] != 'u') return 0;
  std::uint32_t value = 0;
  for (const char c : code.substr(1)) {
    if (!is_hex(c)) return 0;
    value = value * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
  }
  if (!is_scalar(value)) return 0;
  append_utf8(out, value);
  return end + 1;
}

void append_legacy_part(std::string& out, std::string_view part) {
  if (part.starts_with("_$")) part.remove_prefix(1);
  while (!part.empty()) {
    std::size_t used = 1;
    if (part.starts_with(".."))
      out += "::", used = 2;
    else if (part[0] != '$')
      out += part[0];
    else if (const std::size_t escape = append_escape(out, part))
      used = escape;
    else
      out += '$';
    part.remove_prefix(used);
  }
}

bool is_hash(std::string_view part) {
  return part.size() == 17 && part[0] == 'h' && part.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
}

}  // namespace

std::optional<std::string> demangle_rust_legacy(std::string_view mangled) {
  if (!mangled.starts_with("_ZN")) return std::nullopt;
  std::string_view rest = mangled.substr(3);
  std::string out;
  std::string_view last;
  while (!rest.empty() && is_digit(rest[0])) {
    std::size_t length = 0;
    while (!rest.empty() && is_digit(rest[0]) && length < 10'000) {
      length = length * 10 + static_cast<std::size_t>(rest[0] - '0');
      rest.remove_prefix(1);
    }
    if (length == 0 || length > rest.size()) return std::nullopt;
    if (!last.empty()) {
      if (!out.empty()) out += "::";
      append_legacy_part(out, last);
    }
    last = rest.substr(0, length);
    rest.remove_prefix(length);
  }
  const bool ends_well = rest == "E" || rest.starts_with("E.");
  if (!ends_well || !is_hash(last) || out.empty()) return std::nullopt;
  return out;
}

}  // namespace fdr

#include "formats/log_template.hpp"

#include <algorithm>

namespace fdr {
namespace {

constexpr std::size_t kMostQuoted = 1000, kUuid = 36, kHexWord = 8;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// Each gives the length of what begins `text`, 0 where there is none.
std::size_t uuid(std::string_view text) {
  if (text.size() < kUuid || (text.size() > kUuid && is_word(text[kUuid]))) return 0;
  for (std::size_t i = 0; i < kUuid; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return 0;
  }
  return kUuid;
}

// "0x7f", or a word of eight and more of which some are letters and some digits: "deadbeef" is a word, "5c3fe1a0" an id.
std::size_t hexadecimal(std::string_view text) {
  const std::size_t begin = text.starts_with("0x") || text.starts_with("0X") ? 2 : 0;
  std::size_t end = begin;
  while (end < text.size() && is_hex(text[end])) ++end;
  if (end == begin || (end < text.size() && is_word(text[end]))) return 0;
  if (begin) return end;
  const std::string_view word = text.substr(0, end);
  const auto digits = static_cast<std::size_t>(std::count_if(word.begin(), word.end(), is_digit));
  return end >= kHexWord && digits > 0 && digits < end ? end : 0;
}

std::size_t number(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) {
    while (end < text.size() && is_digit(text[end])) ++end;
    const bool joined = end + 1 < text.size() && (text[end] == '.' || text[end] == ',' || text[end] == ':') && is_digit(text[end + 1]);
    if (!joined) break;
    ++end;
  }
  return end;
}

std::size_t quoted(std::string_view text) {
  if (text.front() != '"' && text.front() != '\'') return 0;
  const std::size_t end = text.substr(0, kMostQuoted).find(text.front(), 1);
  if (end == std::string_view::npos || (end + 1 < text.size() && is_word(text[end + 1]))) return 0;
  return end + 1;
}

}  // namespace

std::string log_template(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size() && out.size() < kMostTemplate;) {
    const std::string_view rest = line.substr(i);
    const bool begins = i == 0 || !is_word(line[i - 1]);
    std::size_t length = 0;
    const char* replaced = nullptr;
    if (begins && (length = uuid(rest))) replaced = "<uuid>";
    else if (begins && (length = hexadecimal(rest))) replaced = "<hex>";
    else if (begins && (length = quoted(rest))) replaced = "<str>";
    else if ((length = number(rest))) replaced = "<n>";
    if (replaced) out += replaced;
    else out += line[i];
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

}  // namespace fdr

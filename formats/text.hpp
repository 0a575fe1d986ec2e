// Text at the boundary: everything that came from a target, a kernel or a bundle goes through printable() before a
// terminal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fdr {

// Control characters (C0, DEL, C1), line separators, bidirectional controls and bytes that are not UTF-8 become \xNN;
// the rest is unchanged.
std::string printable(std::string_view text);

// printable() with newline and tab kept, for whole files.
std::string printable_lines(std::string_view text);

// Bytes that are not UTF-8 become \xNN, everything else is unchanged: what a JSON string may hold.
std::string valid_utf8(std::string_view text);

// Length of the well-formed UTF-8 character that `text` begins with and its code point in `code`; 0 where there is
// none.
std::size_t utf8_character(std::string_view text, std::uint32_t& code);

// Columns on a terminal of text that went through printable(): one a code point, two for East Asian wide ones, none for
// combining ones.
std::size_t display_width(std::string_view text);

// "312 MB", "1.5 GB", "840 KB": 1024-based, as rules write them (KB, MB, GB).
std::string bytes_text(double bytes);

// Known candidates that are nearest to `word` (edit distance), best first, at most `count`, none if all are far off.
template <class Range>
std::string nearest_names(std::string_view word, const Range& candidates, std::size_t count = 3);

std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace fdr

template <class Range>
std::string fdr::nearest_names(std::string_view word, const Range& candidates, std::size_t count) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, std::string_view(candidate));
    if (distance <= std::max<std::size_t>(2, word.size() / 3)) ranked.emplace_back(distance, std::string(candidate));
  }
  std::sort(ranked.begin(), ranked.end());
  std::string text;
  for (std::size_t i = 0; i < ranked.size() && i < count; ++i) text += (i ? ", " : "") + ranked[i].second;
  return text;
}

#include "formats/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "formats/error.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kGap = 2;                            // between columns
constexpr std::size_t kLeastFlexible = 12, kLeastName = 14;  // below that a name is no name

// The first `width` columns of `text`, never half a character.
std::string_view head(std::string_view text, std::size_t width) {
  std::size_t end = 0, used = 0;
  while (end < text.size()) {
    std::uint32_t code = 0;
    const std::size_t length = std::max<std::size_t>(utf8_character(text.substr(end), code), 1);
    used += display_width(text.substr(end, length));
    if (used > width) break;
    end += length;
  }
  return text.substr(0, end);
}

std::string_view tail(std::string_view text, std::size_t width) {
  // A hostile name may be megabytes long; no character takes more than 16 bytes a column with its combining marks.
  if (text.size() > 16 * width) text.remove_prefix(text.size() - 16 * width);
  while (display_width(text) > width) {
    std::uint32_t code = 0;
    text.remove_prefix(std::max<std::size_t>(utf8_character(text, code), 1));
  }
  return text;
}

}  // namespace

std::string inked(std::string_view text, Ink ink, const ReportStyle& style) {
  if (!style.color || ink == Ink::kPlain) return std::string(text);
  const char* code = ink == Ink::kBold ? "1" : ink == Ink::kRed ? "1;31" : ink == Ink::kYellow ? "33" : "2";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string cut(std::string_view text, std::size_t width) {
  if (width == 0 || display_width(text) <= width) return std::string(text);
  if (width < 8) return std::string(head(text, width));
  const std::size_t back = (width - 2) / 3;
  return fmt::format("{}..{}", head(text, width - 2 - back), tail(text, back));
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::size_t used = display_width(text);
  const std::string fill(width > used ? width - used : 0, ' ');
  return right ? fill + std::string(text) : std::string(text) + fill;
}

Table::Table(std::vector<std::string> headers, std::vector<std::size_t> left, std::size_t flexible, std::vector<std::size_t> spare)
    : headers_(std::move(headers)), left_(std::move(left)), flexible_(flexible), spare_(std::move(spare)) {}

void Table::row(std::vector<std::string> cells) {
  FDR_CHECK(cells.size() == headers_.size());
  rows_.push_back(std::move(cells));
}

bool Table::is_left(std::size_t column) const {
  return column == 0 || std::find(left_.begin(), left_.end(), column) != left_.end();
}

std::vector<std::size_t> Table::fitted(std::vector<std::size_t>& widths, std::size_t room) const {
  std::vector<std::size_t> shown(widths.size());
  std::iota(shown.begin(), shown.end(), std::size_t{0});
  const auto least = [&](std::size_t c) { return c == flexible_ ? std::min(widths[c], kLeastFlexible) : is_left(c) ? std::min(widths[c], kLeastName) : widths[c]; };
  const auto together = [&](const auto& width) {
    std::size_t sum = kGap * (shown.size() - 1);
    for (const std::size_t c : shown) sum += width(c);
    return sum;
  };
  for (auto spare = spare_.rbegin(); spare != spare_.rend() && together(least) > room; ++spare) std::erase(shown, *spare);

  const auto wanted = [&](std::size_t c) { return widths[c]; };
  const auto narrow = [&](std::size_t c, std::size_t to) {
    const std::size_t sum = together(wanted), over = sum > room ? sum - room : 0;
    widths[c] = std::max({to, least(c), widths[c] > over ? widths[c] - over : 0});
  };
  narrow(flexible_, 0);
  // The widest name gives way down to the next; of equals each a little.
  while (together(wanted) > room) {
    std::size_t widest = flexible_, next = 0;
    for (const std::size_t c : shown) {
      if (!is_left(c) || c == flexible_ || widths[c] <= kLeastName) continue;
      if (widest == flexible_ || widths[c] > widths[widest]) {
        if (widest != flexible_) next = widths[widest];
        widest = c;
      } else {
        next = std::max(next, widths[c]);
      }
    }
    if (widest == flexible_) break;
    narrow(widest, next == widths[widest] ? next - 1 : next);
  }
  return shown;
}

std::string Table::text(const ReportStyle& style, std::size_t max_rows, std::size_t indent) const {
  const std::size_t rows = std::min(max_rows, rows_.size());
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < headers_.size(); ++c) {
    std::size_t width = display_width(headers_[c]);
    if (c == 0) width = width > indent ? width - indent : 0;  // the title begins left of the rows
    for (std::size_t r = 0; r < rows; ++r) width = std::max(width, display_width(rows_[r][c]));
    widths.push_back(width);
  }
  const std::size_t columns = static_cast<std::size_t>(std::max(style.columns, 0));
  const std::vector<std::size_t> shown = fitted(widths, columns > indent ? columns - indent : columns > 0 ? 1 : SIZE_MAX);

  const auto line = [&](const std::vector<std::string>& cells, std::size_t first_indent) {
    std::string out(first_indent, ' ');
    for (const std::size_t c : shown) {
      const std::size_t width = std::max<std::size_t>(c == 0 ? widths[0] + indent - first_indent : widths[c], 1);
      if (c != shown.front()) out += std::string(kGap, ' ');
      out += padded(cut(cells[c], width), width, !is_left(c));
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  };
  std::string out = inked(line(headers_, 0), Ink::kBold, style) + "\n";
  for (std::size_t r = 0; r < rows; ++r) out += line(rows_[r], indent) + "\n";
  if (shown.size() == headers_.size()) return out;
  std::string gone;
  for (std::size_t c = 0; c < headers_.size(); ++c)
    if (std::find(shown.begin(), shown.end(), c) == shown.end()) gone += (gone.empty() ? "" : ", ") + headers_[c];
  return out + inked(wrapped("", fmt::format("(no room for: {}; a wider terminal and --json have it)", gone), style), Ink::kFaint, style);
}

std::string wrapped(std::string_view first, std::string_view text, const ReportStyle& style, std::size_t max_lines) {
  const std::size_t columns = style.columns > 0 ? static_cast<std::size_t>(style.columns) : SIZE_MAX;
  const std::size_t indent = display_width(first);
  std::string out(first), line;
  std::size_t lines = 1;
  const std::size_t room = columns > indent + 12 ? columns - indent : 12;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (!line.empty() && display_width(line) + 1 + display_width(word) > room) {
      if (lines == max_lines) {
        while (display_width(line) + 3 > room && line.find(' ') != std::string::npos) line.resize(line.rfind(' '));
        return out + std::string(head(line, room - 3)) + " ..\n";
      }
      out += line + "\n" + std::string(indent, ' ');
      line.clear();
      ++lines;
    }
    line += (line.empty() ? "" : " ") + cut(word, columns == SIZE_MAX ? 0 : room);
  }
  return out + line + "\n";
}

std::string share_text(double part, double whole) {
  if (!(whole > 0)) return "-";
  return fmt::format("{:.1f} %", 100 * part / whole);
}

std::string count_text(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, " ");
  return text;
}

}  // namespace fdr

#include "formats/report/table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/error.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

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

Table::Table(std::vector<std::string> headers, std::vector<std::size_t> left, std::size_t flexible)
    : headers_(std::move(headers)), left_(std::move(left)), flexible_(flexible) {}

void Table::row(std::vector<std::string> cells) {
  FDR_CHECK(cells.size() == headers_.size());
  rows_.push_back(std::move(cells));
}

bool Table::is_left(std::size_t column) const {
  return column == 0 || std::find(left_.begin(), left_.end(), column) != left_.end();
}

std::string Table::text(const ReportStyle& style, std::size_t max_rows, std::size_t indent) const {
  const std::size_t shown = std::min(max_rows, rows_.size());
  std::vector<std::size_t> widths;
  std::size_t others = 0;
  for (std::size_t c = 0; c < headers_.size(); ++c) {
    std::size_t width = display_width(headers_[c]);
    if (c == 0) width = width > indent ? width - indent : 0;  // the title begins left of the rows
    for (std::size_t r = 0; r < shown; ++r) width = std::max(width, display_width(rows_[r][c]));
    widths.push_back(width);
    if (c > 0) others += 2;
    if (c != flexible_) others += width;
  }
  const std::size_t columns = static_cast<std::size_t>(std::max(style.columns, 0));
  if (columns > 0) {
    const std::size_t room = columns > others + indent ? columns - others - indent : 0;
    widths[flexible_] = std::max<std::size_t>(std::min(widths[flexible_], std::max<std::size_t>(room, 12)), 1);
  }

  const auto line = [&](const std::vector<std::string>& cells, std::size_t first_indent) {
    std::string out(first_indent, ' ');
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::size_t width = c == 0 ? widths[0] + indent - first_indent : widths[c];
      if (c > 0) out += "  ";
      out += padded(cut(cells[c], width), width, !is_left(c));
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  };
  std::string out = inked(line(headers_, 0), Ink::kBold, style) + "\n";
  for (std::size_t r = 0; r < shown; ++r) out += line(rows_[r], indent) + "\n";
  return out;
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

// Tables and colours for a terminal. One column, the first unless said otherwise, takes the room that the others leave;
// what does not fit is cut in the middle with "..", so that both ends of a path or a name stay readable. Where that is not
// enough the other names are cut too, and then spare columns are left out, which is said below. Cells must have passed
// printable(). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fdr {

struct ReportStyle {
  int columns = 80;
  bool color = false;
};

enum class Ink { kPlain, kBold, kRed, kYellow, kFaint };
std::string inked(std::string_view text, Ink ink, const ReportStyle& style);

// At most `width` columns of `text`; 0 means no limit.
std::string cut(std::string_view text, std::size_t width);
std::string padded(std::string_view text, std::size_t width, bool right);

class Table {
 public:
  // `headers`: the first one is the title of the table when it stands above its rows. Columns named in `left` are
  // left-aligned (the first always is), the others right. `spare` may be left out, the last of them first.
  explicit Table(std::vector<std::string> headers, std::vector<std::size_t> left = {}, std::size_t flexible = 0, std::vector<std::size_t> spare = {});
  void row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }

  // Header and at most `max_rows` rows, each indented by `indent`, one a line.
  std::string text(const ReportStyle& style, std::size_t max_rows = SIZE_MAX, std::size_t indent = 2) const;

 private:
  bool is_left(std::size_t column) const;
  // The columns that are shown, of those that want `widths`, and what each gets of `room`.
  std::vector<std::size_t> fitted(std::vector<std::size_t>& widths, std::size_t room) const;

  std::vector<std::string> headers_;
  std::vector<std::size_t> left_;
  std::size_t flexible_;
  std::vector<std::size_t> spare_;
  std::vector<std::vector<std::string>> rows_;
};

// Words of `text` on lines of at most `columns`, the first after `first`, the others after as many spaces.
std::string wrapped(std::string_view first, std::string_view text, const ReportStyle& style,
                    std::size_t max_lines = SIZE_MAX);

// "12.3 %"; "-" of nothing.
std::string share_text(double part, double whole);
// 1234567 -> "1 234 567"
std::string count_text(std::uint64_t count);

}  // namespace fdr

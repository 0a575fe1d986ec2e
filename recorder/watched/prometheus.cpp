#include "recorder/watched/prometheus.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostLabels = 64, kMostLine = 64u << 10;

constexpr bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
constexpr bool in_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

// name{label="value",...}, read from the front of a text.
class SeriesReader {
 public:
  explicit SeriesReader(std::string_view text) : text_(text) {}

  SeriesSelector run() {
    SeriesSelector series{.name = name("a name"), .labels = {}};
    spaces();
    if (!accept('{')) return series;
    for (spaces(); !accept('}'); spaces()) {
      if (series.labels.size() == kMostLabels) throw SeriesError{"more than 64 labels", at_};
      std::string label = name("the name of a label");
      spaces();
      if (peek() == '!' || peek(1) == '~') throw SeriesError{"labels are compared by = only", at_};
      expect('=');
      spaces();
      series.labels.emplace_back(std::move(label), value());
      spaces();
      if (!accept(',') && peek() != '}') throw SeriesError{"a ',' or '}' is missing", at_};
    }
    return series;
  }

  std::size_t at() const { return at_; }
  void spaces() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) throw SeriesError{std::string("a '") + c + "' is missing", at_};
  }
  std::string name(const char* what) {
    const std::size_t begin = at_;
    if (begins_name(peek()))
      while (in_name(peek())) ++at_;
    if (at_ == begin) throw SeriesError{std::string(what) + " is missing", at_};
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string value() {
    expect('"');
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        c = text_[at_++];
        if (c == 'n') c = '\n';
      }
      out += c;
    }
    expect('"');
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool has_all(const SeriesSelector& series, const SeriesSelector& wanted) {
  return std::all_of(wanted.labels.begin(), wanted.labels.end(),
                     [&](const auto& label) { return std::find(series.labels.begin(), series.labels.end(), label) != series.labels.end(); });
}

// "1.5e3", "+Inf", "NaN"; nothing where it is no number.
std::optional<double> value_of(std::string_view word) {
  if (word.starts_with('+')) word.remove_prefix(1);
  return parse_number<double>(word);
}

}  // namespace

SeriesSelector parse_series_selector(std::string_view text) {
  SeriesReader reader(text);
  reader.spaces();
  SeriesSelector selector = reader.run();
  reader.spaces();
  if (reader.at() != text.size()) throw SeriesError{"what follows does not belong to a series", reader.at()};
  return selector;
}

SeriesSum sum_series(std::string_view page, const SeriesSelector& selector) {
  SeriesSum sum;
  while (!page.empty()) {
    std::string_view line = take_line(page);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    // Most lines are of other series: told by the first bytes.
    if (!line.starts_with(selector.name) || line.starts_with('#')) continue;
    if (line.size() > selector.name.size() && in_name(line[selector.name.size()])) continue;
    try {
      if (line.size() > kMostLine) throw SeriesError{"too long", 0};
      SeriesReader reader(line);
      const SeriesSelector series = reader.run();
      std::string_view rest = line.substr(reader.at());
      const auto value = value_of(take_word(rest));
      if (!value) throw SeriesError{"no value", 0};
      if (!has_all(series, selector) || !std::isfinite(*value)) continue;
      sum.sum += *value;
      ++sum.series;
    } catch (const SeriesError&) {
      ++sum.damaged;
    }
  }
  return sum;
}

}  // namespace fdr

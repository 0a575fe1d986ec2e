#include "triggers/expression_lexer.hpp"

#include <charconv>
#include <cmath>

#include "formats/text.hpp"
#include "triggers/expression.hpp"

namespace fdr {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
// There is no subtraction: '-' belongs to the names of heartbeats and targets.
constexpr bool is_name(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '-'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    do {
      tokens.push_back(next());
    } while (tokens.back().kind != TokenKind::kEnd);
    return tokens;
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  Token next() {
    skip_spaces();
    Token token;
    token.column = at_ + 1;
    if (at_ == text_.size()) return token;
    const std::size_t begin = at_;
    const char c = peek();
    const std::size_t sign = c == '-' || c == '+' ? 1 : 0;
    if (is_digit(peek(sign)) || (peek(sign) == '.' && is_digit(peek(sign + 1)))) {
      number(token);
    } else if (is_letter(c)) {
      name(token);
    } else {
      symbol(token);
    }
    token.source = text_.substr(begin, at_ - begin);
    return token;
  }

  void number(Token& token) {
    token.kind = TokenKind::kNumber;
    const std::size_t begin = at_;
    if (peek() == '+') ++at_;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), token.number);
    if (error != std::errc{}) throw ExpressionError("this number is too large or too small", token.column);
    at_ = static_cast<std::size_t>(end - text_.data());
    token.text = std::string(text_.substr(begin, at_ - begin));
    unit(token);
    if (!std::isfinite(token.number)) throw ExpressionError("this number is too large", token.column);
  }

  // "%", "MB", "ms/s"; spaces before it are allowed where it cannot be taken for a word.
  void unit(Token& token) {
    const std::size_t touching = at_;
    skip_spaces();
    std::size_t end = at_;
    if (peek() == '%') {
      ++end;
    } else {
      while (end < text_.size() && is_name(text_[end])) ++end;
    }
    const std::string_view word = text_.substr(at_, end - at_);
    if (const UnitSuffix* suffix = find_unit_suffix(word)) {
      token.unit = suffix->unit;
      token.number *= suffix->factor;
      token.text.append(" ").append(word);
      at_ = end;
    } else if (!word.empty() && at_ == touching) {
      throw ExpressionError("unknown unit '" + printable(word) + "'", at_ + 1,
                            "units: %, ns us ms s m h, B KB MB GB TB, and /s after them for a rate");
    } else {
      at_ = touching;
    }
    const std::size_t before_slash = at_;
    skip_spaces();
    if (peek() != '/') {
      at_ = before_slash;
      return;
    }
    if (peek(1) != 's' || is_name(peek(2))) {
      throw ExpressionError("rates are per second", at_ + 1, "write /s");
    }
    at_ += 2;
    token.per_second = true;
    token.text += "/s";
  }

  void name(Token& token) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_name(text_[at_]) || text_[at_] == '[')) {
      if (text_[at_] == '[') bracket();
      ++at_;
    }
    const std::string_view word = text_.substr(begin, at_ - begin);
    token.kind = word == "and"   ? TokenKind::kAnd
                 : word == "or"  ? TokenKind::kOr
                 : word == "not" ? TokenKind::kNot
                                 : TokenKind::kName;
  }

  // From '[' to ']', which stays to be taken by the caller.
  void bracket() {
    const std::size_t open = at_;
    do {
      ++at_;
    } while (at_ < text_.size() && is_name(text_[at_]));
    if (peek() != ']') {
      throw ExpressionError("the '[' is not closed after the name of a target", open + 1, "write process[NAME].METRIC");
    }
  }

  void symbol(Token& token) {
    struct Symbol {
      std::string_view text;
      TokenKind kind;
      Comparison comparison;
    };
    static constexpr Symbol symbols[] = {
        {"<=", TokenKind::kComparison, Comparison::kLessEqual},
        {">=", TokenKind::kComparison, Comparison::kGreaterEqual},
        {"==", TokenKind::kComparison, Comparison::kEqual},
        {"!=", TokenKind::kComparison, Comparison::kNotEqual},
        {"<", TokenKind::kComparison, Comparison::kLess},
        {">", TokenKind::kComparison, Comparison::kGreater},
        {"(", TokenKind::kLeft, {}},
        {")", TokenKind::kRight, {}},
        {",", TokenKind::kComma, {}},
        {"*", TokenKind::kTimes, {}},
    };
    const std::string_view rest = text_.substr(at_);
    for (const Symbol& candidate : symbols) {
      if (!rest.starts_with(candidate.text)) continue;
      token.kind = candidate.kind;
      token.comparison = candidate.comparison;
      at_ += candidate.text.size();
      return;
    }
    struct Habit {
      std::string_view text, hint;
    };
    static constexpr Habit habits[] = {{"=", "write == to compare"},
                                       {"&&", "write `and`"},
                                       {"||", "write `or`"},
                                       {"!", "write `not`, or != to compare"}};
    for (const Habit& habit : habits) {
      if (rest.starts_with(habit.text)) {
        throw ExpressionError("'" + std::string(habit.text) + "' is not known here", at_ + 1, std::string(habit.hint));
      }
    }
    throw ExpressionError("'" + printable(rest.substr(0, 1)) + "' does not belong here", at_ + 1);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Token> lex_expression(std::string_view text) { return Lexer(text).run(); }

}  // namespace fdr

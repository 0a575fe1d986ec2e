// Tokens of an expression. Throws ExpressionError at the first byte that belongs to none. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "triggers/expression_tree.hpp"

namespace fdr {

enum class TokenKind { kNumber, kName, kComparison, kAnd, kOr, kNot, kLeft, kRight, kComma, kTimes, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t column = 1;   // 1-based, of its first byte
  std::string_view source;  // as written
  // kNumber
  double number = 0;  // in the base unit of `unit`
  Unit unit = Unit::kNone;
  bool per_second = false;
  std::string text;  // for people: "300 MB", "1.5 s", "10 MB/s"
  // kComparison
  Comparison comparison = Comparison::kGreater;
};

// The last token is kEnd, one column past the text.
std::vector<Token> lex_expression(std::string_view text);

}  // namespace fdr

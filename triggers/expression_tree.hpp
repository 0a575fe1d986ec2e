// The tree of a parsed expression: inside of triggers/expression*.cpp only. Immutable once the parser has built it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "triggers/metric_history.hpp"

namespace fdr {

enum class Comparison { kLess, kLessEqual, kGreater, kGreaterEqual, kEqual, kNotEqual };

// What is made of a metric's history before it is compared.
enum class Function { kLatest, kDelta, kRate, kAverage, kMinimum, kMaximum, kPercentile99 };

struct Operand {
  std::optional<MetricId> metric;  // nothing: a constant
  Function function = Function::kLatest;
  Duration span{};    // of the function
  double number = 0;  // of the constant, in the base unit
  double factor = 1;  // of the metric
  std::optional<double> otherwise;  // what a look-back is taken for while it is not known, before the factor
  std::string otherwise_text;
  Unit unit = Unit::kNone;
  bool per_second = false;
  bool counter = false;  // never goes back: where it does, what it counts was restarted
  std::string text;      // name of the metric; the constant for people, "300 MB"
  std::size_t column = 1;
};

struct ExpressionNode {
  enum class Kind { kCompare, kAnd, kOr, kNot };
  Kind kind = Kind::kCompare;
  // kCompare: `left` is always measured; a constant is on the right.
  Comparison comparison = Comparison::kGreater;
  Operand left, right;
  // kAnd, kOr: two or more; kNot: one
  std::vector<std::unique_ptr<ExpressionNode>> children;
};

// The parser's bound on nesting; it bounds the recursion of everything that walks the tree.
inline constexpr int kMaxExpressionDepth = 50;

}  // namespace fdr

// `when` of a rule: a parsed expression over metrics. Grammar: OR of ANDs of comparisons, `not`, parentheses; an
// operand is a metric, delta(metric, D), rate(metric[, D]), avg|min|max|p99(metric, D), a number with a unit or the name of
// a signal; a measured one may be multiplied ("3 * avg(metric, 1h)"), and a look-back may say what it is taken for while
// it is unknown ("avg(metric, 1h, 20%)"): a rule relative to the host's own past works from its first minute on. Three-valued: a comparison with an unknown is unknown, `not unknown` too, `false and unknown` is false,
// `true or unknown` true.
//
// Parse errors throw ExpressionError with the column (1-based, in bytes) and a suggestion: unknown names, units that do
// not fit, a bare counter, a threshold that cannot be reached. Pure; evaluation allocates nothing (p99 grows one buffer to the longest span). The tree is in
// expression_tree.hpp, the parser in expression_parser.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/error.hpp"
#include "triggers/metric_history.hpp"
#include "triggers/quantity.hpp"

namespace fdr {

struct ExpressionNode;

class ExpressionError : public Error {
 public:
  ExpressionError(const std::string& what, std::size_t column, std::string hint = {})
      : Error(what, std::move(hint)), column_(column) {}
  std::size_t column() const { return column_; }

 private:
  std::size_t column_;
};

// A condition at one moment. `value` is the measured side of the comparison that decided, for the evidence.
struct Verdict {
  std::optional<bool> holds;  // nothing: unknown
  double value = 0;           // NaN where unknown
  Unit unit = Unit::kNone;
  bool per_second = false;  // a rate
  double distance = 0;  // how far from holding, relative to the threshold: 0.1 is 10 % short, negative while it holds
  std::string_view unknown;  // name of the metric that was missing, valid as long as the expression
};

// A metric that is asked for over some time.
struct Lookback {
  MetricId metric;
  Duration span;
};

class Expression {
 public:
  static Expression parse(std::string_view text, const MetricCatalogue& catalogue);
  // `clear` of a rule: a condition, or a threshold alone ("20%"), which stands for that of `when`: over once what `when`
  // measures is no longer beyond it. Refused where it would be over while `when` still holds.
  static Expression parse_clear(std::string_view text, const Expression& when, const MetricCatalogue& catalogue);
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  Verdict evaluate(const MetricHistory& history, Timestamp now) const;
  // "host.mem.free (bytes, of the host) rises by more than 300 MB within 1 s"
  std::string sentence(const MetricCatalogue& catalogue) const;
  std::vector<MetricId> metrics() const;
  // Metrics that are compared as they are, and which way: those that must be above something, and those that must be below.
  struct Directions {
    std::vector<MetricId> up, down;
  };
  Directions directions() const;
  std::vector<Lookback> lookbacks() const;

 private:
  explicit Expression(std::unique_ptr<ExpressionNode> root);
  std::unique_ptr<ExpressionNode> root_;
};

}  // namespace fdr

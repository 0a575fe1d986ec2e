// `when` of a rule: a parsed expression over metrics. Grammar (this version): OR of ANDs of comparisons, `not`, parentheses;
// an operand is a metric, delta(metric, duration), rate(metric) or a number with a unit. Three-valued: unknown stays unknown.
//
// Parse errors throw ExpressionError with the column (1-based) and a suggestion. Pure; evaluation allocates nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/error.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

class ExpressionError : public Error {
 public:
  ExpressionError(const std::string& what, std::size_t column, std::string hint = {})
      : Error(what, std::move(hint)), column_(column) {}
  std::size_t column() const { return column_; }

 private:
  std::size_t column_;
};

// A condition at one moment. `value` is the left side of the comparison that decided, for the evidence.
struct Verdict {
  std::optional<bool> holds;  // nothing: unknown
  double value = 0;
  Unit unit = Unit::kNone;
  std::string_view unknown;   // name of the metric that was missing, valid as long as the expression
};

class Expression {
 public:
  static Expression parse(std::string_view text, const MetricCatalogue& catalogue);
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  Verdict evaluate(const MetricHistory& history, Timestamp now) const;
  // "host.mem.free (bytes, of the host) changes by more than 300 MB within 1 s"
  std::string sentence(const MetricCatalogue& catalogue) const;
  std::vector<MetricId> metrics() const;
  Duration longest_lookback() const;

 private:
  struct Node;
  explicit Expression(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

// "60s", "100ms", "1.5h" -> Duration; "64MB" -> bytes. Nothing where the text is malformed or has no unit.
std::optional<Duration> parse_duration(std::string_view text);
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace fdr

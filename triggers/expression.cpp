#include "triggers/expression.hpp"

#include <algorithm>
#include <cmath>

#include "triggers/expression_tree.hpp"
#include "triggers/metric_past.hpp"
#include "triggers/percentile.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// Mean, least, greatest or percentile of the ticks in (now - span, now]. Unknown until `span` of history exists, where the newest
// is unknown, and where more than half of the ticks are: the rest would speak for too much.
double over_span(const Operand& operand, const MetricHistory& history, Timestamp now) {
  const auto before = history.index_at(now - operand.span);
  if (!before || std::isnan(history.latest(*operand.metric))) return kUnknown;
  const bool percentile = operand.function == Function::kPercentile99;
  static thread_local std::vector<double> values;  // grows to the longest span once
  values.clear();
  double sum = 0, least = std::numeric_limits<double>::infinity(), greatest = -least;
  std::size_t known = 0;
  for (std::size_t i = *before + 1; i < history.size(); ++i) {
    const double value = history.value(*operand.metric, i);
    if (std::isnan(value)) continue;
    ++known;
    if (percentile) values.push_back(value);
    sum += value;
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  if (known == 0 || 2 * known < history.size() - *before - 1) return kUnknown;
  if (operand.function == Function::kMinimum) return least;
  if (operand.function == Function::kMaximum) return greatest;
  if (percentile) return percentile_99(values);
  return sum / static_cast<double>(known);
}

// A look-back that is as long as the window or longer.
double over_past(const Operand& operand, const MetricHistory& history, const MetricPast& past, Timestamp now) {
  const MetricId id = *operand.metric;
  switch (operand.function) {
    case Function::kLatest:
      return history.latest(id);
    case Function::kDelta:
    case Function::kRate: {
      const double change = operand.counter ? past.grown(id, operand.span, now) : history.latest(id) - past.before(id, operand.span, now);
      return operand.function == Function::kRate ? change / to_seconds(operand.span) : change;
    }
    case Function::kAverage:
      return past.over(MetricPast::Of::kMean, id, operand.span, now);
    case Function::kMinimum:
      return past.over(MetricPast::Of::kLeast, id, operand.span, now);
    case Function::kMaximum:
      return past.over(MetricPast::Of::kGreatest, id, operand.span, now);
    case Function::kPercentile99:
      return past.over(MetricPast::Of::kPercentile99, id, operand.span, now);
  }
  return kUnknown;
}

double looked_up(const Operand& operand, const MetricHistory& history, Timestamp now) {
  if (operand.function != Function::kLatest && history.past() && history.past()->answers(operand.span)) return over_past(operand, history, *history.past(), now);
  switch (operand.function) {
    case Function::kLatest:
      return history.latest(*operand.metric);
    case Function::kDelta:
    case Function::kRate: {
      const double change = history.latest(*operand.metric) - history.interpolated(*operand.metric, now - operand.span);
      if (operand.counter && change < 0) return kUnknown;
      return operand.function == Function::kRate ? change / to_seconds(operand.span) : change;
    }
    case Function::kAverage:
    case Function::kMinimum:
    case Function::kMaximum:
    case Function::kPercentile99:
      return over_span(operand, history, now);
  }
  return kUnknown;
}

double measure(const Operand& operand, const MetricHistory& history, Timestamp now) {
  if (!operand.metric) return operand.number;
  const double value = looked_up(operand, history, now);
  return operand.factor * (std::isnan(value) ? operand.otherwise.value_or(kUnknown) : value);
}

bool compare(Comparison comparison, double left, double right) {
  switch (comparison) {
    case Comparison::kLess:
      return left < right;
    case Comparison::kLessEqual:
      return left <= right;
    case Comparison::kGreater:
      return left > right;
    case Comparison::kGreaterEqual:
      return left >= right;
    case Comparison::kEqual:
      return left == right;
    case Comparison::kNotEqual:
      return left != right;
  }
  return false;
}

// Relative to the threshold, so that conditions of different units can be ranked; a threshold of 0 has no scale and
// leaves the plain difference.
double distance(Comparison comparison, double left, double right) {
  const double scale = right == 0 ? 1 : std::abs(right);
  switch (comparison) {
    case Comparison::kLess:
    case Comparison::kLessEqual:
      return (left - right) / scale;
    case Comparison::kGreater:
    case Comparison::kGreaterEqual:
      return (right - left) / scale;
    case Comparison::kEqual:
      return std::abs(left - right) / scale;
    case Comparison::kNotEqual:
      return left == right ? 0 : -std::abs(left - right) / scale;
  }
  return 0;
}

Verdict evaluate_comparison(const ExpressionNode& node, const MetricHistory& history, Timestamp now) {
  const double left = measure(node.left, history, now), right = measure(node.right, history, now);
  Verdict verdict;
  verdict.value = left;
  verdict.unit = node.left.unit;
  verdict.per_second = node.left.per_second;
  verdict.distance = kUnknown;
  if (std::isnan(left) || std::isnan(right)) {
    verdict.unknown = std::isnan(left) ? node.left.text : node.right.text;
    return verdict;
  }
  verdict.holds = compare(node.comparison, left, right);
  verdict.distance = distance(node.comparison, left, right);
  return verdict;
}

Verdict evaluate_node(const ExpressionNode& node, const MetricHistory& history, Timestamp now);

// `decisive` is what one child settles for all: false for `and`, true for `or`. Among children that agree the one is
// reported that stands in the way (`and`, farthest from holding) or that is nearest (`or`); when the whole holds, the
// first that does.
Verdict evaluate_list(const ExpressionNode& node, bool decisive, const MetricHistory& history, Timestamp now) {
  std::optional<Verdict> decided, unknown, other;
  for (const auto& child : node.children) {
    Verdict verdict = evaluate_node(*child, history, now);
    if (!verdict.holds) {
      if (!unknown) unknown = verdict;
    } else if (*verdict.holds == decisive) {
      if (!decided || (!decisive && verdict.distance > decided->distance)) decided = verdict;
    } else if (!other || (decisive && verdict.distance < other->distance)) {
      other = verdict;
    }
  }
  return decided ? *decided : unknown ? *unknown : *other;
}

Verdict evaluate_node(const ExpressionNode& node, const MetricHistory& history, Timestamp now) {
  switch (node.kind) {
    case ExpressionNode::Kind::kCompare:
      return evaluate_comparison(node, history, now);
    case ExpressionNode::Kind::kAnd:
      return evaluate_list(node, false, history, now);
    case ExpressionNode::Kind::kOr:
      return evaluate_list(node, true, history, now);
    case ExpressionNode::Kind::kNot:
      break;
  }
  Verdict verdict = evaluate_node(*node.children.front(), history, now);
  if (verdict.holds) verdict.holds = !*verdict.holds;
  verdict.distance = -verdict.distance;
  return verdict;
}

template <class Visit>
void for_each_operand(const ExpressionNode& node, const Visit& visit) {
  if (node.kind == ExpressionNode::Kind::kCompare) {
    visit(node.left);
    visit(node.right);
  }
  for (const auto& child : node.children) for_each_operand(*child, visit);
}

}  // namespace

Expression::Expression(std::unique_ptr<ExpressionNode> root) : root_(std::move(root)) {}
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Verdict Expression::evaluate(const MetricHistory& history, Timestamp now) const {
  return evaluate_node(*root_, history, now);
}

std::vector<MetricId> Expression::metrics() const {
  std::vector<MetricId> metrics;
  for_each_operand(*root_, [&](const Operand& operand) {
    if (operand.metric) metrics.push_back(*operand.metric);
  });
  std::sort(metrics.begin(), metrics.end());
  metrics.erase(std::unique(metrics.begin(), metrics.end()), metrics.end());
  return metrics;
}

Expression::Directions Expression::directions() const {
  Directions directions;
  const auto visit = [&](const auto& self, const ExpressionNode& node, bool inverted) -> void {
    for (const auto& child : node.children) self(self, *child, inverted != (node.kind == ExpressionNode::Kind::kNot));
    if (node.kind != ExpressionNode::Kind::kCompare || node.left.function != Function::kLatest || !node.left.metric) return;
    const bool up = node.comparison == Comparison::kGreater || node.comparison == Comparison::kGreaterEqual;
    const bool down = node.comparison == Comparison::kLess || node.comparison == Comparison::kLessEqual;
    if (up || down) (up != inverted ? directions.up : directions.down).push_back(*node.left.metric);
  };
  visit(visit, *root_, false);
  return directions;
}

std::vector<Lookback> Expression::lookbacks() const {
  std::vector<Lookback> all;
  for_each_operand(*root_, [&](const Operand& operand) {
    if (operand.metric && operand.span > Duration{}) all.push_back({*operand.metric, operand.span});
  });
  return all;
}

}  // namespace fdr

// An expression in plain words: what is measured, of whom, on what base, over how long. "system CPU over 30 %" is
// ambiguous until all four are said.
#include <fmt/format.h>

#include <set>

#include "triggers/expression.hpp"
#include "triggers/expression_tree.hpp"

namespace fdr {
namespace {

// What has been explained once is called by its name from there on.
struct Telling {
  const MetricCatalogue& catalogue;
  std::set<std::string> explained{};
};

std::string metric_words(const Operand& operand, Telling& telling) {
  const MetricInfo& info = telling.catalogue.info(*operand.metric);
  if (!telling.explained.insert(info.name).second) return info.name;
  const bool article = info.scope == "host" || info.scope == "recorder";
  return fmt::format("{} ({}, of {}{})", info.name, info.base, article ? "the " : "", info.scope);
}

std::string measured_words(const Operand& operand, Telling& telling) {
  const std::string metric = metric_words(operand, telling), span = duration_words(operand.span);
  switch (operand.function) {
    case Function::kLatest:
      return metric;
    case Function::kDelta:
      return fmt::format("the change of {} within {}", metric, span);
    case Function::kRate:
      return fmt::format("the growth of {} per second, over {},", metric, span);
    case Function::kAverage:
      return fmt::format("the mean of {} over {}", metric, span);
    case Function::kMinimum:
      return fmt::format("the least {} within {}", metric, span);
    case Function::kMaximum:
      return fmt::format("the greatest {} within {}", metric, span);
    case Function::kPercentile99:
      return fmt::format("the 99th percentile of {} over {}", metric, span);
  }
  return metric;
}

std::string operand_words(const Operand& operand, Telling& telling) {
  if (!operand.metric) return operand.text;
  std::string words = measured_words(operand, telling);
  if (operand.factor != 1) words = fmt::format("{:g} times {}", operand.factor, words);
  if (operand.otherwise) words += fmt::format(" (taken for {} until that is known)", operand.otherwise_text);
  return words;
}

const char* comparison_words(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return "is below";
    case Comparison::kLessEqual:
      return "is at most";
    case Comparison::kGreater:
      return "is above";
    case Comparison::kGreaterEqual:
      return "is at least";
    case Comparison::kEqual:
      return "is";
    case Comparison::kNotEqual:
      return "is not";
  }
  return "";
}

std::string comparison_sentence(const ExpressionNode& node, Telling& telling) {
  const Operand &left = node.left, &right = node.right;
  const bool up = node.comparison == Comparison::kGreater || node.comparison == Comparison::kGreaterEqual;
  const bool down = node.comparison == Comparison::kLess || node.comparison == Comparison::kLessEqual;
  const bool inclusive = node.comparison == Comparison::kGreaterEqual || node.comparison == Comparison::kLessEqual;
  if (left.function == Function::kDelta && left.factor == 1 && !left.otherwise && !right.metric && ((up && right.number >= 0) || (down && right.number < 0))) {
    const std::string amount =
        right.text.starts_with('-') || right.text.starts_with('+') ? right.text.substr(1) : right.text;
    return fmt::format("{} {} by {} {} within {}", metric_words(left, telling), up ? "rises" : "falls",
                       inclusive ? "at least" : "more than", amount, duration_words(left.span));
  }
  const std::string first = operand_words(left, telling);
  return fmt::format("{} {} {}", first, comparison_words(node.comparison), operand_words(right, telling));
}

std::string node_sentence(const ExpressionNode& node, Telling& telling) {
  switch (node.kind) {
    case ExpressionNode::Kind::kCompare:
      return comparison_sentence(node, telling);
    case ExpressionNode::Kind::kNot:
      return "it is not so that (" + node_sentence(*node.children.front(), telling) + ")";
    case ExpressionNode::Kind::kAnd:
    case ExpressionNode::Kind::kOr:
      break;
  }
  std::string sentence;
  for (const auto& child : node.children) {
    const bool list = child->kind == ExpressionNode::Kind::kAnd || child->kind == ExpressionNode::Kind::kOr;
    const std::string part = node_sentence(*child, telling);
    if (!sentence.empty()) sentence += node.kind == ExpressionNode::Kind::kAnd ? " and " : " or ";
    sentence += list ? "(" + part + ")" : part;
  }
  return sentence;
}

}  // namespace

std::string Expression::sentence(const MetricCatalogue& catalogue) const {
  Telling telling{catalogue};
  return node_sentence(*root_, telling);
}

}  // namespace fdr

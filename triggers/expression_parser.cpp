// The parser of expressions, a recursive descent with a bounded depth, and the checks that need the catalogue: names,
// units, counters, thresholds out of reach. Nothing is left to be refused at the time of evaluation.
#include <csignal>

#include <array>

#include "formats/syscall_names.hpp"
#include "formats/text.hpp"
#include "triggers/expression.hpp"
#include "triggers/expression_lexer.hpp"
#include "triggers/expression_tree.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxExpressionLength = 4096;
constexpr Duration kDefaultRateSpan = std::chrono::seconds(1);

struct NamedSignal {
  std::string_view name;
  int number;
};
constexpr std::array kSignals = {
    NamedSignal{"SIGHUP", SIGHUP},   NamedSignal{"SIGINT", SIGINT},   NamedSignal{"SIGQUIT", SIGQUIT},
    NamedSignal{"SIGILL", SIGILL},   NamedSignal{"SIGTRAP", SIGTRAP}, NamedSignal{"SIGABRT", SIGABRT},
    NamedSignal{"SIGBUS", SIGBUS},   NamedSignal{"SIGFPE", SIGFPE},   NamedSignal{"SIGKILL", SIGKILL},
    NamedSignal{"SIGUSR1", SIGUSR1}, NamedSignal{"SIGSEGV", SIGSEGV}, NamedSignal{"SIGUSR2", SIGUSR2},
    NamedSignal{"SIGPIPE", SIGPIPE}, NamedSignal{"SIGALRM", SIGALRM}, NamedSignal{"SIGTERM", SIGTERM},
    NamedSignal{"SIGXCPU", SIGXCPU}, NamedSignal{"SIGXFSZ", SIGXFSZ}, NamedSignal{"SIGSYS", SIGSYS},
};

struct NamedFunction {
  std::string_view name;
  Function function;
};
constexpr std::array kFunctions = {
    NamedFunction{"delta", Function::kDelta}, NamedFunction{"rate", Function::kRate},
    NamedFunction{"avg", Function::kAverage}, NamedFunction{"min", Function::kMinimum},
    NamedFunction{"max", Function::kMaximum},   NamedFunction{"p99", Function::kPercentile99},
};

std::string name_hint(std::string_view name, const MetricCatalogue& catalogue) {
  const std::vector<std::string> names = catalogue.names();
  std::string near = nearest_names(name, names);
  if (near.empty()) {  // "host.mem" names a family
    std::size_t found = 0;
    for (const std::string& candidate : names) {
      if (name.size() < 3 || !candidate.starts_with(name) || found == 4) continue;
      near += (found++ ? ", " : "") + candidate;
    }
  }
  return near.empty() ? "fdr doctor --metrics lists them all" : "did you mean " + near;
}

[[noreturn]] void unknown_syscall_figure(const Token& token) {
  const std::string_view rest = std::string_view(token.source).substr(sizeof "syscall." - 1);
  const std::string call(rest.substr(0, rest.find('.')));
  if (syscall_number(call)) throw ExpressionError("unknown metric '" + printable(token.source) + "'", token.column, "of a system call there is rate, errors, latency and longest");
  std::vector<std::string> names;
  for (std::uint16_t number = 0; number < kSyscallNumbers; ++number)
    if (const std::string name = syscall_name(number); syscall_number(name)) names.push_back(name);
  const std::string near = nearest_names(call, names);
  throw ExpressionError("no system call is named '" + printable(call) + "'", token.column, near.empty() ? "fdr show BUNDLE syscalls lists those that were made" : "did you mean " + near);
}

[[noreturn]] void unknown_metric(const Token& token, const MetricCatalogue& catalogue) {
  const std::string name(token.source);
  const std::string shown = printable(name);
  if (name.starts_with("process[")) {
    const std::string prefix = name.substr(0, name.find(']') + 1) + ".";
    std::vector<std::string> targets;
    bool known = false;
    for (const std::string& candidate : catalogue.names()) {
      if (!candidate.starts_with("process[")) continue;
      known = known || candidate.starts_with(prefix);
      const std::string target = candidate.substr(8, candidate.find(']') - 8);
      if (targets.empty() || targets.back() != target) targets.push_back(target);
    }
    if (!known) {
      std::string list;
      for (const std::string& target : targets) list += (list.empty() ? "" : ", ") + target;
      throw ExpressionError("no target is named '" + prefix.substr(8, prefix.size() - 10) + "'", token.column,
                            list.empty() ? "write process.METRIC for all targets together, or name one with [[target]]"
                                         : "targets: " + list);
    }
  }
  if (name.starts_with("log.")) throw ExpressionError("no log is named '" + shown.substr(4) + "'", token.column, "name one with [[log]]");
  if (name.starts_with("syscall.")) unknown_syscall_figure(token);
  throw ExpressionError("unknown metric '" + shown + "'", token.column, name_hint(name, catalogue));
}

std::string example_literal(const Operand& measured) {
  const char* unit = measured.unit == Unit::kPercent   ? "30%"
                     : measured.unit == Unit::kBytes   ? "300MB"
                     : measured.unit == Unit::kSeconds ? "500ms"
                                                       : "1000";
  return std::string(unit) + (measured.per_second ? "/s" : "");
}

std::string described_unit(const Operand& operand) {
  return unit_words(operand.unit) + (operand.per_second ? " per second" : "");
}

Comparison mirrored(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return Comparison::kGreater;
    case Comparison::kLessEqual:
      return Comparison::kGreaterEqual;
    case Comparison::kGreater:
      return Comparison::kLess;
    case Comparison::kGreaterEqual:
      return Comparison::kLessEqual;
    case Comparison::kEqual:
    case Comparison::kNotEqual:
      break;
  }
  return comparison;
}

Comparison inverted(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return Comparison::kGreaterEqual;
    case Comparison::kLessEqual:
      return Comparison::kGreater;
    case Comparison::kGreater:
      return Comparison::kLessEqual;
    case Comparison::kGreaterEqual:
      return Comparison::kLess;
    case Comparison::kEqual:
      return Comparison::kNotEqual;
    case Comparison::kNotEqual:
      return Comparison::kEqual;
  }
  return comparison;
}

class Parser {
 public:
  Parser(std::string_view text, const MetricCatalogue& catalogue)
      : catalogue_(catalogue), tokens_(lex_expression(text)) {}

  std::unique_ptr<ExpressionNode> run() {
    if (peek().kind == TokenKind::kEnd)
      throw ExpressionError("the condition is empty", 1, "for example: host.cpu.busy > 90%");
    auto root = disjunction(0);
    const Token& rest = peek();
    if (rest.kind == TokenKind::kEnd) return root;
    if (rest.kind == TokenKind::kRight) throw ExpressionError("this ')' closes nothing", rest.column);
    if (rest.kind == TokenKind::kComparison) {
      throw ExpressionError("comparisons cannot be chained", rest.column, "write x > 1 and x < 3");
    }
    if (rest.source == "for") {
      throw ExpressionError("'for' does not belong into the condition", rest.column,
                            "in a file it is a key of its own: for = \"3s\"");
    }
    throw ExpressionError("'" + printable(rest.source) + "' is not expected here", rest.column,
                          "conditions are joined by `and` or `or`");
  }

  // A number and nothing else: the threshold form of `clear`.
  bool is_threshold() const { return tokens_.size() == 2 && peek().kind == TokenKind::kNumber; }

  std::unique_ptr<ExpressionNode> threshold_for(const ExpressionNode& when) {
    auto node = std::make_unique<ExpressionNode>();
    node->right = constant(take());
    const std::size_t column = node->right.column;
    const bool up = when.comparison == Comparison::kGreater || when.comparison == Comparison::kGreaterEqual;
    const bool down = when.comparison == Comparison::kLess || when.comparison == Comparison::kLessEqual;
    if (when.kind != ExpressionNode::Kind::kCompare || when.right.metric || (!up && !down)) {
      throw ExpressionError("a threshold alone says only when `when` is one comparison with a number", column,
                            "write a whole condition, for example: host.cpu.busy < 50%");
    }
    node->left = when.left;
    node->comparison = inverted(when.comparison);
    check_units(*node);
    if (up ? node->right.number > when.right.number : node->right.number < when.right.number) {
      throw ExpressionError("at " + node->right.text + " the condition still holds", column,
                            std::string("clear at ") + when.right.text + (up ? " or below" : " or above"));
    }
    return node;
  }

 private:
  using NodePtr = std::unique_ptr<ExpressionNode>;

  const Token& peek() const { return tokens_[at_]; }
  const Token& take() { return tokens_[at_].kind == TokenKind::kEnd ? tokens_[at_] : tokens_[at_++]; }
  bool accept(TokenKind kind) {
    if (peek().kind != kind) return false;
    take();
    return true;
  }

  NodePtr disjunction(int depth) {
    return list(ExpressionNode::Kind::kOr, TokenKind::kOr, [&] { return conjunction(depth); });
  }
  NodePtr conjunction(int depth) {
    return list(ExpressionNode::Kind::kAnd, TokenKind::kAnd, [&] { return condition(depth); });
  }

  template <class Part>
  NodePtr list(ExpressionNode::Kind kind, TokenKind separator, Part part) {
    NodePtr first = part();
    if (peek().kind != separator) return first;
    auto node = std::make_unique<ExpressionNode>();
    node->kind = kind;
    node->children.push_back(std::move(first));
    while (accept(separator)) node->children.push_back(part());
    return node;
  }

  NodePtr condition(int depth) {
    if (depth >= kMaxExpressionDepth) throw ExpressionError("the condition is nested too deeply", peek().column);
    if (accept(TokenKind::kNot)) {
      auto node = std::make_unique<ExpressionNode>();
      node->kind = ExpressionNode::Kind::kNot;
      node->children.push_back(condition(depth + 1));
      return node;
    }
    if (peek().kind == TokenKind::kLeft) {
      const std::size_t open = take().column;
      NodePtr inner = disjunction(depth + 1);
      if (!accept(TokenKind::kRight)) {
        throw ExpressionError("the '(' at column " + std::to_string(open) + " is not closed here", peek().column);
      }
      return inner;
    }
    return comparison();
  }

  NodePtr comparison() {
    auto node = std::make_unique<ExpressionNode>();
    node->left = operand();
    const Token& symbol = peek();
    if (symbol.kind != TokenKind::kComparison) {
      const std::string what =
          node->left.metric ? node->left.text + " is a number, not a condition" : "a number is not a condition";
      throw ExpressionError(what, node->left.metric ? node->left.column : symbol.column,
                            node->left.metric ? "compare it: " + node->left.text + " > " + example_literal(node->left)
                                              : "compare a metric with it: host.cpu.busy > 90%");
    }
    node->comparison = take().comparison;
    node->right = operand();
    if (!node->left.metric) {
      std::swap(node->left, node->right);
      node->comparison = mirrored(node->comparison);
    }
    check_units(*node);
    check_reach(*node);
    return node;
  }

  Operand operand() {
    const Token& token = take();
    if (token.kind == TokenKind::kNumber && peek().kind == TokenKind::kTimes) return multiple(token);
    if (token.kind == TokenKind::kNumber) return constant(token);
    if (token.kind == TokenKind::kEnd) {
      throw ExpressionError("something is missing at the end", token.column, "a metric, or a number with its unit");
    }
    if (token.kind != TokenKind::kName) {
      throw ExpressionError("a metric or a number is expected, not '" + printable(token.source) + "'", token.column);
    }
    if (peek().kind == TokenKind::kLeft) return call(token);
    for (const NamedSignal& signal : kSignals) {
      if (signal.name != token.source) continue;
      Operand operand;
      operand.number = signal.number;
      operand.text = std::string(signal.name);
      operand.column = token.column;
      return operand;
    }
    if (token.source.starts_with("SIG") && token.source.find('.') == std::string_view::npos) {
      std::vector<std::string> names;
      for (const NamedSignal& signal : kSignals) names.emplace_back(signal.name);
      const std::string near = nearest_names(token.source, names);
      throw ExpressionError("unknown signal '" + printable(token.source) + "'", token.column,
                            near.empty() ? "signals by name, such as SIGSEGV, or by number" : "did you mean " + near);
    }
    Operand operand = metric(token);
    if (operand.counter) {
      throw ExpressionError(operand.text + " is a counter that only grows", token.column,
                            "compare how fast it grows: rate(" + operand.text + ")");
    }
    return operand;
  }

  // "3 * avg(metric, 1h)"; the '*' is next.
  Operand multiple(const Token& factor) {
    const std::size_t times = take().column;
    if (factor.unit != Unit::kNone || factor.per_second || factor.number <= 0)
      throw ExpressionError("a metric is multiplied by a plain number above 0", factor.column, "for example: 3 * avg(host.cpu.busy, 1h)");
    if (peek().kind != TokenKind::kName) throw ExpressionError("a metric is expected after '*'", times, "for example: 3 * avg(host.cpu.busy, 1h)");
    Operand measured = operand();
    if (!measured.metric) throw ExpressionError("a metric is expected after '*'", times, "for example: 3 * avg(host.cpu.busy, 1h)");
    measured.factor = factor.number;
    measured.column = factor.column;
    return measured;
  }

  static Operand constant(const Token& token) {
    Operand operand;
    operand.number = token.number;
    operand.unit = token.unit;
    operand.per_second = token.per_second;
    operand.text = token.text;
    operand.column = token.column;
    return operand;
  }

  Operand metric(const Token& token) {
    const auto id = catalogue_.find(token.source);
    if (!id) unknown_metric(token, catalogue_);
    const MetricInfo& info = catalogue_.info(*id);
    Operand operand;
    operand.metric = *id;
    operand.unit = info.unit == Unit::kCount ? Unit::kNone : info.unit;
    operand.counter = info.kind == MetricKind::kCounter;
    operand.text = info.name;
    operand.column = token.column;
    return operand;
  }

  // delta(metric, D), rate(metric[, D]), avg|min|max|p99(metric, D), each with a third argument; the '(' is next.
  Operand call(const Token& name) {
    const NamedFunction* found = nullptr;
    std::vector<std::string> names;
    for (const NamedFunction& function : kFunctions) {
      names.emplace_back(function.name);
      if (function.name == name.source) found = &function;
    }
    if (!found) {
      const std::string near = nearest_names(name.source, names);
      throw ExpressionError("unknown function '" + printable(name.source) + "'", name.column,
                            near.empty() ? "functions: delta, rate, avg, min, max, p99" : "did you mean " + near);
    }
    take();
    const Token& argument = take();
    if (argument.kind != TokenKind::kName) {
      throw ExpressionError(std::string(found->name) + "() needs a metric", argument.column,
                            "for example: " + std::string(found->name) + "(host.mem.free, 1s)");
    }
    Operand operand = metric(argument);
    operand.function = found->function;
    operand.column = name.column;
    if (operand.counter && found->function != Function::kDelta && found->function != Function::kRate) {
      throw ExpressionError(operand.text + " is a counter that only grows", argument.column,
                            "compare how fast it grows: rate(" + operand.text + ")");
    }
    if (catalogue_.info(*operand.metric).event) {
      throw ExpressionError(operand.text + " happens once and has no history", argument.column, "compare it as it is");
    }
    operand.per_second = found->function == Function::kRate;
    if (accept(TokenKind::kComma)) {
      operand.span = span();
    } else if (found->function == Function::kRate) {
      operand.span = kDefaultRateSpan;
    } else {
      throw ExpressionError(std::string(found->name) + "() needs a duration after the metric", peek().column,
                            "for example: " + std::string(found->name) + "(" + operand.text + ", 1s)");
    }
    if (accept(TokenKind::kComma)) otherwise(operand);
    if (!accept(TokenKind::kRight)) throw ExpressionError("a ')' is missing", peek().column);
    return operand;
  }

  // The third argument: what the look-back is taken for until it is known.
  void otherwise(Operand& operand) {
    const Token& token = take();
    const bool number = token.kind == TokenKind::kNumber;
    const bool rate_of_counts = number && operand.unit == Unit::kNone && token.unit == Unit::kNone && operand.per_second;
    if (!number || (!rate_of_counts && (token.unit != operand.unit || token.per_second != operand.per_second)))
      throw ExpressionError("a number in " + described_unit(operand) + " is expected: what this is taken for until it is known", token.column,
                            "write for example " + example_literal(operand));
    operand.otherwise = token.number;
    operand.otherwise_text = token.text;
  }

  Duration span() {
    const Token& token = take();
    if (token.kind != TokenKind::kNumber || token.unit != Unit::kSeconds || token.per_second) {
      throw ExpressionError("a duration is expected", token.column, "for example: 1s, 500ms, 2m");
    }
    constexpr double kLongest = 366.0 * 86400;
    if (token.number <= 0 || token.number > kLongest) {
      throw ExpressionError("a duration of " + token.text + " is out of range", token.column);
    }
    const Duration duration = from_seconds(token.number);
    if (duration <= Duration::zero()) throw ExpressionError("this duration is too short", token.column);
    return duration;
  }

  static void check_units(const ExpressionNode& node) {
    const Operand &left = node.left, &right = node.right;
    if (!left.metric) {
      throw ExpressionError("both sides are numbers", left.column,
                            "compare a metric with a number: host.cpu.busy > 90%");
    }
    if (left.unit == right.unit && left.per_second == right.per_second) return;
    // "rate(process.syscalls) > 1000" says all there is to say.
    if (!right.metric && left.unit == Unit::kNone && right.unit == Unit::kNone && left.per_second) return;
    if (right.metric) {
      throw ExpressionError(
          left.text + " is in " + described_unit(left) + ", " + right.text + " in " + described_unit(right),
          right.column, "compare what has the same unit");
    }
    const std::string hint = "write for example " + example_literal(left);
    const std::string subject = left.function == Function::kRate ? "the rate of " + left.text : left.text;
    if (right.unit == Unit::kNone && !right.per_second) {
      throw ExpressionError("'" + right.text + "' has no unit, and " + subject + " is in " + described_unit(left),
                            right.column, hint);
    }
    const std::string is = left.unit == Unit::kNone && !left.per_second ? " is " : " is in ";
    throw ExpressionError(subject + is + described_unit(left) + ", '" + right.text + "' is not", right.column, hint);
  }

  // A threshold that cannot be reached is a rule that never fires: most often percent of one CPU taken for percent of
  // all.
  void check_reach(const ExpressionNode& node) const {
    const Operand &left = node.left, &right = node.right;
    if (right.metric || left.factor != 1 || left.function == Function::kDelta || left.function == Function::kRate) return;
    const MetricInfo& info = catalogue_.info(*left.metric);
    const bool above = (node.comparison == Comparison::kGreater && right.number >= info.maximum) ||
                       ((node.comparison == Comparison::kGreaterEqual || node.comparison == Comparison::kEqual) &&
                        right.number > info.maximum);
    if (above) {
      throw ExpressionError(
          left.text + " is never above " + quantity_text(info.maximum, info.unit) + " (" + info.base + ")",
          right.column, "choose a lower threshold");
    }
  }

  const MetricCatalogue& catalogue_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

void check_length(std::string_view text) {
  if (text.size() <= kMaxExpressionLength) return;
  throw ExpressionError("the condition is longer than " + std::to_string(kMaxExpressionLength) + " bytes", 1);
}

}  // namespace

Expression Expression::parse(std::string_view text, const MetricCatalogue& catalogue) {
  check_length(text);
  return Expression(Parser(text, catalogue).run());
}

Expression Expression::parse_clear(std::string_view text, const Expression& when, const MetricCatalogue& catalogue) {
  check_length(text);
  Parser parser(text, catalogue);
  return Expression(parser.is_threshold() ? parser.threshold_for(*when.root_) : parser.run());
}

}  // namespace fdr

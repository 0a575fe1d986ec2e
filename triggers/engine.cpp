#include "triggers/engine.hpp"

#include <fmt/format.h>

#include <cmath>

#include "triggers/ledger.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::string words(Duration duration) {
  const std::string literal = duration_literal(duration);
  const std::size_t digits = literal.find_first_not_of("0123456789");
  return literal.substr(0, digits) + " " + literal.substr(digits);
}

// "fdr.toml:12:8" is the place of the condition's first character: the error's column is counted on from there.
std::string located(const std::string& where, std::size_t column) {
  const std::size_t last = where.rfind(':');
  const bool place = last != std::string::npos && last + 1 < where.size() && where.size() - last < 8 &&
                     where.find_first_not_of("0123456789", last + 1) == std::string::npos;
  if (place) return where.substr(0, last + 1) + std::to_string(std::stoul(where.substr(last + 1)) + column - 1) + ": ";
  return (where.empty() ? "" : where + ": ") + "column " + std::to_string(column) + ": ";
}

Expression parse_rule(const RuleConfig& rule, const MetricCatalogue& catalogue) {
  try {
    Expression expression = Expression::parse(rule.when, catalogue);
    for (const MetricId id : expression.metrics()) {
      if (!catalogue.info(id).event || rule.hold == Duration::zero()) continue;
      throw ExpressionError(catalogue.info(id).name + " happens once and cannot hold for " + words(rule.hold), 1,
                            "leave out the `for`");
    }
    return expression;
  } catch (const ExpressionError& error) {
    throw ExpressionError(located(rule.where, error.column()) + error.what(), error.column(), error.hint());
  }
}

}  // namespace

std::string value_text(double value, Unit unit) { return quantity_text(value, unit); }

class Engine::Impl {
 public:
  Impl(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue) {
    rules_.reserve(rules.size());
    for (const RuleConfig& config : rules) {
      Rule rule{config, parse_rule(config, catalogue)};
      rule.sentence = "fires when " + rule.expression.sentence(catalogue);
      if (config.hold > Duration::zero()) rule.sentence += ", without a break for " + words(config.hold);
      if (config.cooldown > Duration::zero()) rule.sentence += "; at most once in " + words(config.cooldown);
      rules_.push_back(std::move(rule));
    }
  }

  std::vector<Firing> evaluate(const MetricHistory& history, Timestamp now) {
    std::vector<Firing> firings;
    for (Rule& rule : rules_) step(rule, history, now, firings);
    return firings;
  }

  std::vector<RuleStatus> status() const {
    std::vector<RuleStatus> all;
    all.reserve(rules_.size());
    for (const Rule& rule : rules_) {
      RuleStatus status;
      status.name = rule.config.name;
      status.when = rule.config.when;
      status.sentence = rule.sentence;
      status.state = state_name(rule);
      status.value = rule.value;
      status.value_text = quantity_text(rule.value, rule.unit, rule.per_second);
      status.extreme = rule.extreme;
      status.fired = rule.fired;
      status.suppressed = rule.suppressed;
      all.push_back(std::move(status));
    }
    return all;
  }

  const std::vector<LedgerEntry>& ledger() const { return ledger_.entries(); }
  void note(LedgerEntry entry) { ledger_.add(std::move(entry)); }

 private:
  enum class Known { kNever, kYes, kNo };

  struct Rule {
    Rule(RuleConfig rule, Expression parsed) : config(std::move(rule)), expression(std::move(parsed)) {}
    RuleConfig config;
    Expression expression;
    std::string sentence;

    bool armed = false;  // has been evaluated
    Known known = Known::kNever;
    std::optional<Timestamp> since;  // the condition has held from here on
    bool active = false;             // has fired for this edge
    bool suppressing = false;        // would have fired for this edge, but for the cooldown
    std::optional<Timestamp> last_fired;
    Timestamp evaluated{};

    double value = kUnknown;
    Unit unit = Unit::kNone;
    bool per_second = false;
    double extreme = kUnknown, extreme_distance = std::numeric_limits<double>::infinity();
    std::uint64_t fired = 0, suppressed = 0;
  };

  static bool cooling(const Rule& rule, Timestamp now) {
    return rule.last_fired && now - *rule.last_fired < rule.config.cooldown;
  }

  static std::string state_name(const Rule& rule) {
    if (rule.active) return "active";
    if (rule.known != Known::kYes) return "unknown";
    if (cooling(rule, rule.evaluated)) return "cooling";
    return rule.since ? "holding" : "quiet";
  }

  void log(const Rule& rule, Timestamp now, const char* event, double value, std::string text = {}) {
    ledger_.add({now, rule.config.name, event, value, std::move(text)});
  }

  void step(Rule& rule, const MetricHistory& history, Timestamp now, std::vector<Firing>& firings) {
    const Verdict verdict = rule.expression.evaluate(history, now);
    rule.evaluated = now;
    rule.value = verdict.holds ? verdict.value : kUnknown;
    rule.unit = verdict.unit;
    rule.per_second = verdict.per_second;
    if (!rule.armed) {
      rule.armed = true;
      log(rule, now, "armed", rule.value, rule.config.when);
    }
    if (!verdict.holds) return on_unknown(rule, verdict, now);
    if (rule.known != Known::kYes) {
      if (rule.known == Known::kNo) log(rule, now, "known", rule.value);
      rule.known = Known::kYes;
    }
    if (verdict.distance < rule.extreme_distance) {
      rule.extreme_distance = verdict.distance;
      rule.extreme = verdict.value;
    }
    if (*verdict.holds) {
      on_true(rule, verdict, now, firings);
    } else {
      on_false(rule, now);
    }
  }

  void on_unknown(Rule& rule, const Verdict& verdict, Timestamp now) {
    if (rule.known != Known::kNo) log(rule, now, "unknown", kUnknown, std::string(verdict.unknown) + " is not known");
    rule.known = Known::kNo;
    rule.since.reset();
    rule.suppressing = false;
  }

  void on_false(Rule& rule, Timestamp now) {
    if (rule.since || rule.active) log(rule, now, "clears", rule.value);
    rule.since.reset();
    rule.active = false;
    rule.suppressing = false;
  }

  void on_true(Rule& rule, const Verdict& verdict, Timestamp now, std::vector<Firing>& firings) {
    if (!rule.since) {
      rule.since = now;
      log(rule, now, "holds", rule.value);
    }
    if (rule.active || now - *rule.since < rule.config.hold) return;
    if (cooling(rule, now)) {
      if (rule.suppressing) return;
      rule.suppressing = true;
      ++rule.suppressed;
      const Duration left = rule.config.cooldown - (now - *rule.last_fired);
      log(rule, now, "suppressed", rule.value,
          "fired less than " + words(rule.config.cooldown) + " ago, cools down for another " + duration_text(left));
      return;
    }
    rule.active = true;
    rule.suppressing = false;
    rule.last_fired = now;
    ++rule.fired;
    firings.push_back(firing(rule, verdict, now));
    log(rule, now, "fired", rule.value, firings.back().evidence);
  }

  static Firing firing(const Rule& rule, const Verdict& verdict, Timestamp now) {
    Firing firing;
    firing.rule = rule.config.name;
    firing.when = rule.config.when;
    firing.time = now;
    firing.since = *rule.since;
    firing.value = verdict.value;
    firing.unit = verdict.unit;
    firing.value_text = quantity_text(verdict.value, verdict.unit, verdict.per_second);
    const Duration held = now - *rule.since;
    firing.evidence = held > Duration::zero() ? fmt::format("{} held for {}; value {}", rule.config.when,
                                                            duration_text(held), firing.value_text)
                                              : fmt::format("{}; value {}", rule.config.when, firing.value_text);
    return firing;
  }

  std::vector<Rule> rules_;
  Ledger ledger_;
};

Engine::Engine(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue)
    : impl_(std::make_unique<Impl>(rules, catalogue)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

std::vector<Firing> Engine::evaluate(const MetricHistory& history, Timestamp now) {
  return impl_->evaluate(history, now);
}
std::vector<RuleStatus> Engine::status() const { return impl_->status(); }
const std::vector<LedgerEntry>& Engine::ledger() const { return impl_->ledger(); }
void Engine::note(LedgerEntry entry) { impl_->note(std::move(entry)); }

}  // namespace fdr

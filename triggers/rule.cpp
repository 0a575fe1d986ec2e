#include "triggers/rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kDay = std::chrono::hours(24);
constexpr std::size_t kMostRemembered = 10'000;  // firings; the greatest max_per_day

// "fdr.toml:12:8" is the place of the condition's first character: the error's column is counted on from there.
std::string located(const std::string& where, std::size_t column) {
  const std::size_t last = where.rfind(':');
  const bool place = last != std::string::npos && last + 1 < where.size() && where.size() - last < 8 &&
                     where.find_first_not_of("0123456789", last + 1) == std::string::npos;
  if (place) return where.substr(0, last + 1) + std::to_string(std::stoul(where.substr(last + 1)) + column - 1) + ": ";
  return (where.empty() ? "" : where + ": ") + "column " + std::to_string(column) + ": ";
}

template <class Parse>
Expression parse_at(const std::string& where, Parse parse) {
  try {
    return parse();
  } catch (const ExpressionError& error) {
    throw ExpressionError(located(where, error.column()) + error.what(), error.column(), error.hint());
  }
}

Expression parse_when(const RuleConfig& rule, const MetricCatalogue& catalogue) {
  return parse_at(rule.where, [&] {
    Expression expression = Expression::parse(rule.when, catalogue);
    for (const MetricId id : expression.metrics()) {
      if (!catalogue.info(id).event || rule.hold == Duration::zero()) continue;
      throw ExpressionError(catalogue.info(id).name + " happens once and cannot hold for " + duration_words(rule.hold), 1,
                            "leave out the `for`");
    }
    return expression;
  });
}

std::string limits_sentence(const RuleConfig& config) {
  std::string limits;
  if (config.cooldown > Duration::zero()) limits = "once in " + duration_words(config.cooldown);
  if (config.max_per_day) {
    const std::string times = *config.max_per_day == 1 ? "once" : std::to_string(*config.max_per_day) + " times";
    limits += (limits.empty() ? "" : " and ") + times + " in 24 h";
  }
  return limits.empty() ? "" : "; at most " + limits;
}

}  // namespace

Rule::Rule(RuleConfig config, const MetricCatalogue& catalogue)
    : config_(std::move(config)),
      when_(parse_when(config_, catalogue)),
      value_(kUnknown),
      extreme_(kUnknown),
      extreme_distance_(std::numeric_limits<double>::infinity()) {
  for (const MetricId id : when_.metrics()) event_ = event_ || catalogue.info(id).event;
  sentence_ = "fires when " + when_.sentence(catalogue);
  if (config_.hold > Duration::zero()) sentence_ += ", without a break for " + duration_words(config_.hold);
  if (!config_.armed_when.empty()) {
    armed_when_ = parse_at(config_.armed_where, [&] { return Expression::parse(config_.armed_when, catalogue); });
    sentence_ += ", and counts only while " + armed_when_->sentence(catalogue);
  }
  sentence_ += limits_sentence(config_);
  if (!config_.clear.empty()) {
    clear_ = parse_at(config_.clear_where, [&] { return Expression::parse_clear(config_.clear, when_, catalogue); });
    if (event_)
      throw ExpressionError(located(config_.clear_where, 1) + "what happens once has no end", 1, "leave out `clear`");
    sentence_ += "; is over when " + clear_->sentence(catalogue);
  }
  if (config_.after) sentence_ += "; its bundle goes on for " + duration_words(*config_.after);
}

std::vector<Lookback> Rule::lookbacks() const {
  std::vector<Lookback> all = when_.lookbacks();
  for (const auto* other : {&clear_, &armed_when_}) {
    if (!*other) continue;
    for (const Lookback& lookback : (*other)->lookbacks()) all.push_back(lookback);
  }
  return all;
}

std::vector<MetricId> Rule::metrics() const {
  std::vector<MetricId> all = when_.metrics();
  for (const auto* other : {&clear_, &armed_when_}) {
    if (!*other) continue;
    for (const MetricId id : (*other)->metrics())
      if (std::find(all.begin(), all.end(), id) == all.end()) all.push_back(id);
  }
  return all;
}

RuleStatus Rule::status() const {
  RuleStatus status;
  status.name = config_.name;
  status.when = config_.when;
  status.sentence = sentence_;
  status.state = state_name();
  status.value = value_;
  status.value_text = quantity_text(value_, unit_, per_second_);
  status.extreme = extreme_;
  status.extreme_text = quantity_text(extreme_, unit_, per_second_);
  status.fired = fired_;
  status.suppressed = suppressed_;
  return status;
}

bool Rule::cooling(Timestamp now) const { return last_fired_ && now - *last_fired_ < config_.cooldown; }

std::string Rule::state_name() const {
  if (active_) return "active";
  if (disarmed_) return "disarmed";
  if (known_ != Known::kYes) return "unknown";
  if (cooling(evaluated_)) return "cooling";
  return since_ ? "holding" : "quiet";
}

void Rule::log(const Tick& tick, const char* event, double value, std::string text) const {
  tick.ledger.add({tick.now, config_.name, event, value, std::move(text)});
}

void Rule::step(const Tick& tick) {
  const Verdict verdict = when_.evaluate(tick.history, tick.now);
  evaluated_ = tick.now;
  value_ = verdict.holds ? verdict.value : kUnknown;
  unit_ = verdict.unit;
  per_second_ = verdict.per_second;
  if (!evaluated_once_) {
    evaluated_once_ = true;
    log(tick, "armed", value_, config_.when);
  }
  const bool counts = armed(tick);
  if (active_) return while_active(tick, verdict);
  if (!counts) return on_false(tick);
  if (!verdict.holds) return on_unknown(tick, verdict);
  if (known_ != Known::kYes) {
    if (known_ == Known::kNo) log(tick, "known", value_);
    known_ = Known::kYes;
  }
  if (verdict.distance < extreme_distance_) {
    extreme_distance_ = verdict.distance;
    extreme_ = verdict.value;
  }
  if (*verdict.holds) {
    on_true(tick, verdict);
  } else {
    on_false(tick);
  }
}

bool Rule::armed(const Tick& tick) {
  if (!armed_when_) return true;
  const Verdict verdict = armed_when_->evaluate(tick.history, tick.now);
  const bool holds = verdict.holds.value_or(false);
  if (holds == disarmed_) {
    disarmed_ = !holds;
    const std::string value = quantity_text(verdict.value, verdict.unit, verdict.per_second);
    log(tick, holds ? "rearmed" : "disarmed", verdict.value, config_.armed_when + "; value " + value);
  }
  return holds;
}

void Rule::while_active(const Tick& tick, const Verdict& verdict) {
  bool over = verdict.holds ? !*verdict.holds : event_;  // what happens once is past with its tick
  if (clear_ && !verdict.holds.value_or(false)) over = clear_->evaluate(tick.history, tick.now).holds.value_or(false);
  if (event_ && !verdict.holds) {
    known_ = Known::kNo;
  } else if (!verdict.holds && known_ != Known::kNo) {
    log(tick, "unknown", kUnknown, std::string(verdict.unknown) + " is not known");
    known_ = Known::kNo;
  } else if (verdict.holds && known_ == Known::kNo) {
    log(tick, "known", value_);
    known_ = Known::kYes;
  }
  if (!over) return;
  if (!event_) tick.ended.push_back(episode_end(tick.now, "cleared"));
  on_false(tick);
}

void Rule::on_unknown(const Tick& tick, const Verdict& verdict) {
  if (known_ != Known::kNo) log(tick, "unknown", kUnknown, std::string(verdict.unknown) + " is not known");
  known_ = Known::kNo;
  since_.reset();
  suppressing_ = false;
}

void Rule::on_false(const Tick& tick) {
  if (since_ || active_) log(tick, "clears", value_);
  since_.reset();
  active_ = false;
  suppressing_ = false;
}

std::string Rule::hindrance(Timestamp now) {
  if (cooling(now)) {
    const Duration left = config_.cooldown - (now - *last_fired_);
    return "fired less than " + duration_words(config_.cooldown) + " ago, cools down for another " + duration_text(left);
  }
  while (!fired_in_a_day_.empty() && now - fired_in_a_day_.front() >= kDay) fired_in_a_day_.pop_front();
  if (!config_.max_per_day || fired_in_a_day_.size() < *config_.max_per_day) return {};
  return fmt::format("fired {} times within 24 h, its max_per_day is {}", fired_in_a_day_.size(), *config_.max_per_day);
}

void Rule::on_true(const Tick& tick, const Verdict& verdict) {
  if (!since_) {
    since_ = tick.now;
    log(tick, "holds", value_);
  }
  if (tick.now - *since_ < config_.hold) return;
  if (std::string why = hindrance(tick.now); !why.empty()) {
    if (suppressing_) return;
    suppressing_ = true;
    ++suppressed_;
    return log(tick, "suppressed", value_, std::move(why));
  }
  active_ = true;
  suppressing_ = false;
  last_fired_ = onset_ = tick.now;
  fired_in_a_day_.push_back(tick.now);  // a limit may come with a reload
  if (fired_in_a_day_.size() > kMostRemembered) fired_in_a_day_.pop_front();
  ++fired_;
  tick.fired.push_back(firing(verdict, tick.now));
  log(tick, "fired", value_, tick.fired.back().evidence);
}

Firing Rule::firing(const Verdict& verdict, Timestamp now) const {
  Firing firing;
  firing.rule = config_.name;
  firing.when = config_.when;
  firing.time = now;
  firing.since = *since_;
  firing.value = verdict.value;
  firing.unit = verdict.unit;
  firing.value_text = quantity_text(verdict.value, verdict.unit, verdict.per_second);
  firing.after = config_.after;
  const Duration held = now - *since_;
  firing.evidence = held > Duration::zero()
                        ? fmt::format("{} held for {}; value {}", config_.when, duration_text(held), firing.value_text)
                        : fmt::format("{}; value {}", config_.when, firing.value_text);
  return firing;
}

EpisodeEnd Rule::episode_end(Timestamp now, const std::string& how) const {
  EpisodeEnd end;
  end.rule = config_.name;
  end.when = config_.when;
  end.onset = onset_;
  end.time = now;
  end.value = value_;
  end.value_text = quantity_text(value_, unit_, per_second_);
  end.evidence = fmt::format("{}: {} after {}; value {}", config_.when, how, duration_text(now - onset_), end.value_text);
  return end;
}

std::optional<EpisodeEnd> Rule::close(Timestamp now, const std::string& why) {
  if (!active_) return std::nullopt;
  active_ = false;
  since_.reset();
  if (event_) return std::nullopt;
  return episode_end(now, why);
}

Firing Rule::drill(Timestamp now) const {
  Firing firing;
  firing.rule = config_.name;
  firing.when = config_.when;
  firing.time = firing.since = now;
  firing.value = value_;
  firing.unit = unit_;
  firing.value_text = quantity_text(value_, unit_, per_second_);
  firing.after = config_.after;
  firing.evidence = fmt::format("{}; a drill: fired by hand, its value was {}", config_.when, firing.value_text);
  return firing;
}

void Rule::carry_on(const Rule& before) {
  const bool same = config_.when == before.config_.when;
  evaluated_once_ = same && before.evaluated_once_;
  known_ = before.known_;
  if (same) {
    since_ = before.since_;
    suppressing_ = before.suppressing_;
    extreme_ = before.extreme_;
    extreme_distance_ = before.extreme_distance_;
  }
  disarmed_ = armed_when_ && before.disarmed_;
  active_ = before.active_;
  onset_ = before.onset_;
  last_fired_ = before.last_fired_;
  fired_in_a_day_ = before.fired_in_a_day_;
  evaluated_ = before.evaluated_;
  value_ = before.value_;
  unit_ = before.unit_;
  per_second_ = before.per_second_;
  fired_ = before.fired_;
  suppressed_ = before.suppressed_;
}

}  // namespace fdr

// One rule at work: its conditions parsed, and where it stands between quiet and active. Inside of triggers/ only; the
// engine owns the rules and steps each once a tick. Pure: time is an argument.
//
// Order of the questions at a tick: is `armed_when` true (else `when` counts as not holding, but an episode goes on), is
// `when` known and true, has it held for `for`, may it fire (cooldown, max_per_day). While active the only question is
// whether it is over: `clear` true and `when` not, or without `clear`, `when` false. Unknown never fires, and an unknown `clear` never ends. What
// happens once (exit.code) is known for one tick and over with the next.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "triggers/engine.hpp"
#include "triggers/expression.hpp"
#include "triggers/ledger.hpp"

namespace fdr {

class Rule {
 public:
  // Throws ExpressionError, its text prefixed by the place of the condition that is wrong.
  Rule(RuleConfig config, const MetricCatalogue& catalogue);

  struct Tick {
    const MetricHistory& history;
    Timestamp now;
    Ledger& ledger;
    std::vector<Firing>& fired;
    std::vector<EpisodeEnd>& ended;
  };
  void step(const Tick& tick);
  // The episode ends without the condition having cleared (the session ends, the rule is taken away).
  std::optional<EpisodeEnd> close(Timestamp now, const std::string& why);
  // What it is now, whether it holds or not: the firing of a drill.
  Firing drill(Timestamp now) const;
  // Takes over where a rule of the same name stood before a reload: episode, cooldown, counts. A hold begins anew where
  // the condition is another one.
  void carry_on(const Rule& before);

  const RuleConfig& config() const { return config_; }
  RuleStatus status() const;
  // Its condition does not hold, and no episode of it goes on.
  bool calm() const { return !since_ && !active_ && !suppressing_; }
  std::vector<Lookback> lookbacks() const;  // of all its conditions
  std::vector<MetricId> metrics() const;  // of all its conditions, those of `when` first

 private:
  enum class Known { kNever, kYes, kNo };

  void log(const Tick& tick, const char* event, double value, std::string text = {}) const;
  bool armed(const Tick& tick);
  void on_unknown(const Tick& tick, const Verdict& verdict);
  void on_false(const Tick& tick);
  void on_true(const Tick& tick, const Verdict& verdict);
  void while_active(const Tick& tick, const Verdict& verdict);
  // Why it must not fire now; empty where it may.
  std::string hindrance(Timestamp now);
  bool cooling(Timestamp now) const;
  std::string state_name() const;
  EpisodeEnd episode_end(Timestamp now, const std::string& how) const;
  Firing firing(const Verdict& verdict, Timestamp now) const;

  RuleConfig config_;
  Expression when_;
  std::optional<Expression> clear_, armed_when_;
  std::string sentence_;
  bool event_ = false;  // of something that happens once: it has no end

  bool evaluated_once_ = false, disarmed_ = false;
  Known known_ = Known::kNever;
  std::optional<Timestamp> since_;  // the condition has held from here on
  bool active_ = false;             // has fired for this edge
  bool suppressing_ = false;        // would have fired for this edge, but must not
  std::optional<Timestamp> last_fired_;
  std::deque<Timestamp> fired_in_a_day_;
  Timestamp onset_{}, evaluated_{};

  double value_;
  Unit unit_ = Unit::kNone;
  bool per_second_ = false;
  double extreme_, extreme_distance_;
  std::uint64_t fired_ = 0, suppressed_ = 0;
};

}  // namespace fdr

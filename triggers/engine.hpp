// The trigger engine: rules over metrics, their edges, episodes and limits, and the ledger. Pure: time is an argument, so that
// the same engine runs live and in `fdr backtest`. One thread.
//
// A rule fires once, at the tick where its condition has been known to hold for `hold` without a break; from there on it
// is active, which is one episode, until the condition is false (with `clear`: until that holds, too), and re-arms then.
// Unknown breaks a hold that has not fired yet and neither fires nor re-arms. A firing that falls into the cooldown of the one before is suppressed (counted once, in
// the ledger); where the condition still holds when the cooldown ends, it fires then: it is another episode, of which
// nothing was kept. `max_per_day` (any 24 hours) suppresses in the same way. What happens once (exit.code) is known
// for one tick and has no end; it fires again when it happens again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "triggers/expression.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

// A rule as the user wrote it.
struct RuleConfig {
  std::string name;
  std::string when;
  Duration hold{};                              // `for`: must hold that long without a break
  Duration cooldown = std::chrono::minutes(5);  // from the firing
  std::string where;                            // "fdr.toml:12:8" or "--when", for messages
  std::string hold_where = {};                  // the same of `for`
  std::string clear = {};       // what ends an episode: a condition, or another threshold; empty: `when` is false
  std::string clear_where = {};
  std::string armed_when = {};  // must hold for the rule to count; empty: always
  std::string armed_where = {};
  std::optional<unsigned> max_per_day = {};
  std::optional<Duration> after = {};  // of its bundles; else window.after
};

struct Firing {
  std::string rule;
  std::string when;
  Timestamp time;   // the tick that decided
  Timestamp since;  // when the condition began to hold
  double value = 0;
  Unit unit = Unit::kNone;
  std::string value_text;  // "41.2 %"
  std::string evidence;    // "host.cpu.system > 30% held for 1.0 s; value 41.2 %"
  std::optional<Duration> after;  // the rule's own
};

// The end of what a firing began.
struct EpisodeEnd {
  std::string rule, when;
  Timestamp onset, time;  // ticks of the firing and of the end
  double value = 0;       // NaN where unknown
  std::string value_text;
  std::string evidence;  // "host.cpu.system > 30%: cleared after 41.0 s; value 12.0 %"
};

// One line of ledger.ndjson: a change worth knowing, not every tick.
struct LedgerEntry {
  Timestamp time;
  std::string rule;
  std::string event;  // a rule's: "armed", "holds", "clears", "fired", "suppressed", "disarmed", "rearmed", "unknown", "known"; "dropped"; or note()'s
  double value = 0;
  std::string text;  // why suppressed, which metric is unknown
};

struct RuleStatus {
  std::string name, when, sentence;
  std::string state;  // "quiet", "holding", "active", "cooling", "disarmed", "unknown"
  double value = 0;   // NaN while unknown
  std::string value_text;
  double extreme = 0;  // nearest to firing that it ever was since armed (the near miss); NaN where it was never known
  std::string extreme_text;
  std::uint64_t fired = 0, suppressed = 0;
};

class Engine {
 public:
  // Throws ExpressionError, its text prefixed by the rule's `where`.
  Engine(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // Once a tick, after MetricHistory::push. Rules fire at the edge: held for `hold`, not active before, not cooling.
  std::vector<Firing> evaluate(const MetricHistory& history, Timestamp now);
  // Episodes that the last evaluate() saw end.
  const std::vector<EpisodeEnd>& ended() const;
  // Ends those that are still active: the session is over.
  std::vector<EpisodeEnd> close(Timestamp now, const std::string& why);
  // The firing of a rule as it stands now, without its having fired; nothing where there is no such rule.
  std::optional<Firing> drill(const std::string& name, Timestamp now) const;
  // Other rules from the next tick on. A rule of the same name goes on where it was (episode, cooldown, counts); the
  // episodes of those that are gone end here. Throws ExpressionError, and all stays as it was.
  std::vector<EpisodeEnd> reload(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue, Timestamp now);

  // No rule holds, is active, or would be: nothing that was asked for is wrong.
  bool calm() const;
  std::vector<RuleStatus> status() const;
  std::vector<Lookback> lookbacks(const std::string& name) const;  // of all conditions of a rule
  Duration longest_lookback(const std::string& name) const;
  std::vector<MetricId> metrics(const std::string& name) const;
  const std::vector<LedgerEntry>& ledger()
      const;                     // the newest 10 000; what fell out is counted in its first entry, "dropped"
  std::uint64_t ledger_added() const;  // entries ever: the last of them are the newest of ledger()
  void note(LedgerEntry entry);  // what the session has to say (dump asked for, target exited)

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// ledger.ndjson: one JSON object a line: time (UTC), monotonic_ns, rule, event, value (null where unknown), text.
std::string ledger_ndjson(const std::vector<LedgerEntry>& ledger, const ClockAnchor& anchor);

}  // namespace fdr

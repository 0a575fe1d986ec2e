// The trigger engine: rules over metrics, `for`, `cooldown`, edges and the ledger. Pure: time is an argument, so that
// the same engine runs live and in `fdr backtest` (DESIGN 2.9). One thread.
//
// A rule fires once, at the tick where its condition has been known to hold for `hold` without a break; it is active as
// long as the condition stays true and re-arms when it is false. Unknown breaks a hold that has not fired yet and
// neither fires nor re-arms. A firing that falls into the cooldown of the one before is suppressed (counted once, in
// the ledger); where the condition still holds when the cooldown ends, it fires then: it is another episode, of which
// nothing was kept.
#pragma once

#include <cstdint>
#include <memory>
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
};

// One line of ledger.ndjson: a change worth knowing, not every tick.
struct LedgerEntry {
  Timestamp time;
  std::string rule;
  std::string event;  // "armed", "holds", "clears", "fired", "suppressed", "unknown", "known", "dropped"
  double value = 0;
  std::string text;  // why suppressed, which metric is unknown
};

struct RuleStatus {
  std::string name, when, sentence;
  std::string state;  // "quiet", "holding", "active", "cooling", "unknown"
  double value = 0;   // NaN while unknown
  std::string value_text;
  double extreme = 0;  // nearest to firing that it ever was since armed (the near miss); NaN where it was never known
  std::uint64_t fired = 0, suppressed = 0;
};

// "41.2 %", "312 MB", "1.20 s", "17", "unknown".
std::string value_text(double value, Unit unit);

class Engine {
 public:
  // Throws ExpressionError, its text prefixed by the rule's `where`.
  Engine(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // Once a tick, after MetricHistory::push. Rules fire at the edge: held for `hold`, not active before, not cooling.
  std::vector<Firing> evaluate(const MetricHistory& history, Timestamp now);

  std::vector<RuleStatus> status() const;
  const std::vector<LedgerEntry>& ledger()
      const;                     // the newest 10 000; what fell out is counted in its first entry, "dropped"
  void note(LedgerEntry entry);  // what the session has to say (dump asked for, target exited)

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// ledger.ndjson: one JSON object a line: time (UTC), monotonic_ns, rule, event, value (null where unknown), text.
std::string ledger_ndjson(const std::vector<LedgerEntry>& ledger, const ClockAnchor& anchor);

}  // namespace fdr

#include "triggers/engine.hpp"

#include <algorithm>

#include "triggers/ledger.hpp"
#include "triggers/rule.hpp"

namespace fdr {

class Engine::Impl {
 public:
  Impl(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue) : rules_(parsed(rules, catalogue)) {}

  static std::vector<Rule> parsed(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue) {
    std::vector<Rule> all;
    all.reserve(rules.size());
    for (const RuleConfig& config : rules) all.emplace_back(config, catalogue);
    return all;
  }

  const Rule* find(const std::string& name) const {
    for (const Rule& rule : rules_)
      if (rule.config().name == name) return &rule;
    return nullptr;
  }

  std::vector<Rule> rules_;
  Ledger ledger_;
  std::vector<EpisodeEnd> ended_;
};

Engine::Engine(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue)
    : impl_(std::make_unique<Impl>(rules, catalogue)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

std::vector<Firing> Engine::evaluate(const MetricHistory& history, Timestamp now) {
  std::vector<Firing> fired;
  impl_->ended_.clear();
  for (Rule& rule : impl_->rules_) rule.step({history, now, impl_->ledger_, fired, impl_->ended_});
  return fired;
}

const std::vector<EpisodeEnd>& Engine::ended() const { return impl_->ended_; }

std::vector<EpisodeEnd> Engine::close(Timestamp now, const std::string& why) {
  std::vector<EpisodeEnd> ended;
  for (Rule& rule : impl_->rules_)
    if (auto end = rule.close(now, why)) ended.push_back(std::move(*end));
  return ended;
}

std::optional<Firing> Engine::drill(const std::string& name, Timestamp now) const {
  const Rule* rule = impl_->find(name);
  if (!rule) return std::nullopt;
  return rule->drill(now);
}

std::vector<EpisodeEnd> Engine::reload(const std::vector<RuleConfig>& rules, const MetricCatalogue& catalogue, Timestamp now) {
  std::vector<Rule> next = Impl::parsed(rules, catalogue);
  std::vector<EpisodeEnd> ended;
  for (Rule& before : impl_->rules_) {
    Rule* same = nullptr;
    for (Rule& rule : next)
      if (rule.config().name == before.config().name) same = &rule;
    if (same) {
      same->carry_on(before);
    } else if (auto end = before.close(now, "rule taken away")) {
      ended.push_back(std::move(*end));
    }
  }
  impl_->rules_ = std::move(next);
  return ended;
}

bool Engine::calm() const {
  return std::all_of(impl_->rules_.begin(), impl_->rules_.end(), [](const Rule& rule) { return rule.calm(); });
}

std::vector<RuleStatus> Engine::status() const {
  std::vector<RuleStatus> all;
  all.reserve(impl_->rules_.size());
  for (const Rule& rule : impl_->rules_) all.push_back(rule.status());
  return all;
}

std::vector<Lookback> Engine::lookbacks(const std::string& name) const {
  const Rule* rule = impl_->find(name);
  return rule ? rule->lookbacks() : std::vector<Lookback>{};
}

Duration Engine::longest_lookback(const std::string& name) const {
  Duration longest{};
  for (const Lookback& lookback : lookbacks(name)) longest = std::max(longest, lookback.span);
  return longest;
}

std::vector<MetricId> Engine::metrics(const std::string& name) const {
  const Rule* rule = impl_->find(name);
  return rule ? rule->metrics() : std::vector<MetricId>{};
}

const std::vector<LedgerEntry>& Engine::ledger() const { return impl_->ledger_.entries(); }
std::uint64_t Engine::ledger_added() const { return impl_->ledger_.added(); }
void Engine::note(LedgerEntry entry) { impl_->ledger_.add(std::move(entry)); }

}  // namespace fdr

#include "recorder/history/kept_metrics.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "formats/history.hpp"
#include "recorder/config_file/config_file.hpp"
#include "triggers/engine.hpp"

namespace fdr {
namespace {

// Of a single target where there are several; all of them are kept of all targets together.
constexpr std::array<std::string_view, 9> kOfOneTarget = {"cpu.user", "cpu.system", "cpu.total", "cpu.demand", "rss", "anon", "swap", "fds", "sockets"};

// Of a host's second too much for what it says weeks later; rules that name one keep it.
constexpr std::array<std::string_view, 12> kNotKept = {"host.cpu.max.user", "host.cpu.max.system", "host.cpu.max.iowait", "host.cpu.max.irq", "host.cpu.max.steal", "host.disk.requests", "host.disk.queue",
                                                       "process.file", "process.shmem", "process.net.rx.packets", "process.net.tx.packets", "recorder.lateness"};

bool is_essential(std::string_view name) {
  return std::any_of(kOfOneTarget.begin(), kOfOneTarget.end(), [&](std::string_view part) { return name == part; });
}

// The lower the more it is wanted; nothing: not at all.
std::optional<int> rank_of(const MetricInfo& info, const Config& config) {
  const std::string_view name = info.name;
  if (info.event || name.size() > kMaxHistoryName) return std::nullopt;
  if (name.starts_with("process[")) {
    const std::size_t end = name.find("].");
    const bool wanted = config.targets.size() > 1 && end != std::string_view::npos && is_essential(name.substr(end + 2));
    return wanted ? std::optional(2) : std::nullopt;
  }
  if (std::find(kNotKept.begin(), kNotKept.end(), name) != kNotKept.end()) return std::nullopt;
  return name.starts_with("host.slab.") ? 3 : 1;
}

}  // namespace

std::vector<MetricId> kept_metrics(const Config& config, const MetricCatalogue& catalogue) {
  std::set<MetricId> kept;
  const auto add = [&](MetricId id) {
    const MetricInfo& info = catalogue.info(id);
    if (kept.size() < kMaxHistoryMetrics && !info.event && info.name.size() <= kMaxHistoryName) kept.insert(id);
  };
  const std::vector<RuleConfig> rules = all_rules(config);
  const Engine engine(rules, catalogue);
  for (const RuleConfig& rule : rules)
    for (const MetricId id : engine.metrics(rule.name)) add(id);
  for (int rank = 1; rank <= 3; ++rank)
    for (MetricId id = 0; id < catalogue.size(); ++id)
      if (rank_of(catalogue.info(id), config) == rank) add(id);
  return {kept.begin(), kept.end()};
}

Duration longest_lookback(const Config& config, const MetricCatalogue& catalogue) {
  Duration longest{};
  const std::vector<RuleConfig> rules = all_rules(config);
  const Engine engine(rules, catalogue);
  for (const RuleConfig& rule : rules) longest = std::max(longest, engine.longest_lookback(rule.name));
  return longest;
}

}  // namespace fdr

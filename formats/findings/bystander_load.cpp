#include "formats/findings/bystander_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "formats/text.hpp"

namespace fdr {

std::vector<BystanderLoad> bystander_loads(const Evidence& ev) {
  constexpr std::string_view kPrefix = "bystander[", kSuffix = "].cpu.total", kSystem = "].cpu.system";
  std::map<std::string_view, const MetricSeries*> systems;  // by the whole name, the first of each
  for (const MetricSeries* series : ev.metrics_like(kPrefix, kSystem)) systems.try_emplace(series->name, series);
  std::vector<BystanderLoad> loads;
  for (const MetricSeries* series : ev.metrics_like(kPrefix, kSuffix)) {
    if (series->name.size() <= kPrefix.size() + kSuffix.size()) continue;
    const std::string name = series->name.substr(kPrefix.size(), series->name.size() - kPrefix.size() - kSuffix.size());
    const auto system = systems.find(std::string(kPrefix) + name + std::string(kSystem));
    loads.push_back({.name = printable(name), .total = series, .system = system == systems.end() ? nullptr : system->second});
  }
  return loads;
}

std::string in_kernel_between(const Evidence& ev, Timestamp from, Timestamp to) {
  struct Busy {
    std::string name;
    double percent;
  };
  std::vector<Busy> busy;
  for (const BystanderLoad& load : bystander_loads(ev)) {
    if (!load.system) continue;
    double inside = 0, outside = 0;
    int seconds_inside = 0, seconds_outside = 0;
    for (const auto& [time, value] : metric_points(*load.system)) {
      if (!(value >= 0 && value < 1e6)) continue;
      const bool in = time > from && time <= to + std::chrono::seconds(1);
      (in ? inside : outside) += value;
      ++(in ? seconds_inside : seconds_outside);
    }
    if (seconds_inside == 0) continue;
    inside /= seconds_inside;
    if (seconds_outside > 0) outside /= seconds_outside;
    if (inside >= 20 && inside >= 2 * outside) busy.push_back({load.name, inside});
  }
  std::stable_sort(busy.begin(), busy.end(), [](const Busy& a, const Busy& b) { return a.percent > b.percent; });
  std::string text;
  for (std::size_t i = 0; i < busy.size() && i < 3; ++i) text += fmt::format("{}{} {}{}", i ? ", " : "", busy[i].name, percent(busy[i].percent), i ? "" : " of a CPU");
  return text;
}

}  // namespace fdr

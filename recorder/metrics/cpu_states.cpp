#include "recorder/metrics/cpu_states.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kPrefix = "host.cpu[";
constexpr int kMostCpu = 1 << 16;
constexpr double kBack_s = 1;

std::string name_of(int cpu, const char* state) { return std::string(kPrefix) + std::to_string(cpu) + "]." + state; }

CpuShares unknown() {
  CpuShares shares;
  shares.fill(kUnknown);
  return shares;
}

}  // namespace

CpuSeconds cpu_seconds(const CpuTimes& t) { return {t.user + t.nice, t.system, t.iowait, t.irq, t.softirq, t.steal, t.idle}; }

std::optional<CpuShares> cpu_shares(const CpuSeconds& change) {
  // idle and iowait may go back by a tick. By seconds they do when a CPU comes or goes (get_idle_time in fs/proc/stat.c takes them from elsewhere
  // then), and what the others did is not known.
  if (change[2] < -kBack_s || change[6] < -kBack_s) return std::nullopt;
  CpuSeconds amount = change;
  double whole = 0;
  for (double& part : amount) whole += part = std::max(part, 0.0);
  if (whole <= 0) return std::nullopt;
  const auto percent = [&](double part) { return std::clamp(100 * part / whole, 0.0, 100.0); };
  CpuShares shares{};
  for (std::size_t i = 0; i < 6; ++i) shares[i] = percent(amount[i]);
  shares[6] = percent(whole - amount[2] - amount[6]);
  return shares;
}

std::vector<int> cpus_named_in(std::string_view condition) {
  std::vector<int> cpus;
  for (std::size_t at = condition.find(kPrefix); at != std::string_view::npos; at = condition.find(kPrefix, at + 1)) {
    const std::string_view rest = condition.substr(at + kPrefix.size());
    const auto cpu = parse_number<int>(rest.substr(0, rest.find(']')));
    if (cpu && *cpu >= 0 && *cpu < kMostCpu && std::find(cpus.begin(), cpus.end(), *cpu) == cpus.end()) cpus.push_back(*cpu);
  }
  return cpus;
}

void add_cpu_states(int cpu, MetricCatalogue& catalogue) {
  for (const char* state : kCpuStates)
    catalogue.add({name_of(cpu, state), Unit::kPercent, MetricKind::kGauge, "host", "% of CPU " + std::to_string(cpu), "/proc/stat, mean over the last second", 100});
}

CpuStates::CpuStates(const MetricCatalogue& catalogue) : highest_(unknown()) {
  for (std::size_t i = 0; i < kCpuStates.size(); ++i) highest_ids_[i] = catalogue.find(std::string("host.cpu.max.") + kCpuStates[i]);
  for (const std::string& name : catalogue.names()) {
    if (!name.ends_with("].busy")) continue;
    for (const int cpu : cpus_named_in(name)) {
      Named& named = named_.emplace_back(Named{.cpu = cpu, .ids = {}, .shares = unknown()});
      for (std::size_t i = 0; i < kCpuStates.size(); ++i) named.ids[i] = catalogue.find(name_of(cpu, kCpuStates[i]));
    }
  }
}

void CpuStates::push(std::string_view text, long ticks_per_second, Timestamp now) {
  highest_ = unknown();
  for (Named& named : named_) named.shares = unknown();
  auto known = cpus_.begin();  // lines are in order of their numbers, those that are offline left out
  take_line(text);             // of all together
  while (text.starts_with("cpu")) {
    std::string_view line = take_line(text);
    const auto cpu = parse_number<int>(take_word(line).substr(3));
    const auto t = cpu ? parse_cpu_times(line, ticks_per_second) : std::nullopt;
    if (!t) continue;
    while (known != cpus_.end() && known->first < *cpu) known = cpus_.erase(known);
    if (known == cpus_.end() || known->first != *cpu) known = cpus_.try_emplace(known, *cpu);
    const auto change = (known++)->second.push(now, cpu_seconds(*t));
    const auto shares = change ? cpu_shares(change->amount) : std::nullopt;
    if (!shares) continue;
    for (std::size_t i = 0; i < shares->size(); ++i) highest_[i] = std::fmax(highest_[i], (*shares)[i]);
    for (Named& named : named_)
      if (named.cpu == *cpu) named.shares = *shares;
  }
  cpus_.erase(known, cpus_.end());
}

void CpuStates::write(std::span<double> row) const {
  const auto put = [&](const auto& ids, const CpuShares& shares) {
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (ids[i] && *ids[i] < row.size()) row[*ids[i]] = shares[i];
  };
  put(highest_ids_, highest_);
  for (const Named& named : named_) put(named.ids, named.shares);
}

}  // namespace fdr

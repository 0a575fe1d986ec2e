#include "recorder/metrics/bystander_cpu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace fdr {
namespace {

std::string metric_word(const char* comm, std::size_t room) {
  std::string word(comm, ::strnlen(comm, room));
  for (char& c : word) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && std::string_view(".-_:/@+").find(c) == std::string_view::npos) c = '_';
  }
  return word.empty() ? "_" : word;
}

}  // namespace

double BystanderCpu::percent(std::uint64_t ticks, Duration interval) const {
  return 100 * to_seconds(tick_) * static_cast<double>(ticks) / to_seconds(interval);
}

void BystanderCpu::read(const std::vector<std::pair<std::uint32_t, fdr_ticks>>& ticks, Timestamp now) {
  std::map<std::string, Ticks> ran;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Ticks> seen;
  for (const auto& [tgid, entry] : ticks) {
    const auto id = std::pair(tgid, entry.start_boottime);
    const auto known = before_.find(id);
    const Ticks old = known == before_.end() ? Ticks{} : known->second;
    seen[id] = {entry.ticks, entry.system_ticks};
    Ticks& sum = ran[metric_word(entry.comm, sizeof entry.comm)];
    sum.all += entry.ticks - std::min(old.all, entry.ticks);
    sum.system += entry.system_ticks - std::min(old.system, entry.system_ticks);
  }
  before_ = std::move(seen);
  const Duration interval = now - last_;
  const bool first = last_ == Timestamp{};
  last_ = now;
  if (first || interval <= Duration{}) return;

  std::vector<std::pair<std::uint64_t, std::string>> busiest;
  for (const auto& [name, sum] : ran)
    if (percent(sum.all, interval) >= kLeast_percent) busiest.emplace_back(sum.all, name);
  std::sort(busiest.rbegin(), busiest.rend());
  for (std::size_t i = 0; i < busiest.size() && i < kMostNew; ++i)
    if (programs_.size() < kMost || programs_.contains(busiest[i].second)) programs_[busiest[i].second].last_busy = now;
  for (auto& [name, program] : programs_) {
    const auto sum = ran.find(name);
    program.points.push_back({now, sum == ran.end() ? 0 : percent(sum->second.all, interval), sum == ran.end() ? 0 : percent(sum->second.system, interval)});
    while (now - program.points.front().time > span_) program.points.pop_front();
  }
  std::erase_if(programs_, [&](const auto& entry) { return now - entry.second.last_busy > span_; });
}

std::vector<MetricSeries> BystanderCpu::series(Timestamp begin) const {
  std::vector<MetricSeries> all;
  for (const auto& [name, program] : programs_) {
    MetricSeries total{.name = fmt::format("bystander[{}].cpu.total", name), .unit = Unit::kPercent, .kind = MetricKind::kGauge, .points = {}};
    MetricSeries system{.name = fmt::format("bystander[{}].cpu.system", name), .unit = Unit::kPercent, .kind = MetricKind::kGauge, .points = {}};
    for (const Point& point : program.points) {
      if (point.time < begin) continue;
      total.points.push_back({point.time, point.total});
      system.points.push_back({point.time, point.system});
    }
    if (total.points.empty()) continue;
    all.push_back(std::move(total));
    all.push_back(std::move(system));
  }
  return all;
}

}  // namespace fdr

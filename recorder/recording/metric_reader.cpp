#include "recorder/recording/metric_reader.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <iterator>
#include <limits>
#include <utility>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/history/kept_metrics.hpp"
#include "triggers/engine.hpp"
#include "triggers/quantity.hpp"

namespace fdr {
namespace {

constexpr std::size_t kNamedPeers = 8;  // in the evidence of a firing
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::size_t rows_for(const Config& config) {
  // The span, what follows it, and a little for ticks that come early.
  return static_cast<std::size_t>((config.span + config.longest_after()) / config.every) + 64;
}

// Of how programs end.
int badness(int wait_status) {
  constexpr std::array kFaults = {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP};
  if (WIFSIGNALED(wait_status)) return std::find(kFaults.begin(), kFaults.end(), WTERMSIG(wait_status)) != kFaults.end() ? 3 : 2;
  return WEXITSTATUS(wait_status) != 0 ? 1 : 0;
}

}  // namespace

MetricReader::MetricReader(const Config& config, bool sees_calls)
    : catalogue_(build_catalogue(config)),
      host_(catalogue_),
      disks_(catalogue_),
      processes_(catalogue_, target_names(config)),
      threads_(catalogue_, target_names(config)),
      goroutines_(catalogue_, target_names(config)),
      sockets_(catalogue_, target_names(config)),
      slab_(catalogue_),
      cgroup_(catalogue_),
      progress_(catalogue_, sees_calls),
      oom_(catalogue_),
      syscalls_(catalogue_),
      standstill_(catalogue_, Duration{1'000'000'000 / config.frequency}),
      bystanders_(config.span + config.after, Duration{1'000'000'000 / config.frequency}),
      history_(catalogue_.size(), rows_for(config)),
      row_(catalogue_.size()) {
  for (const HeartbeatConfig& beat : config.heartbeats) beat_names_.push_back("beat." + beat.name + ".age");
  for (const LogConfig& log : config.logs) log_names_.push_back("log." + log.name);
  for (const UserMetricConfig& metric : config.metrics) metric_names_.push_back(metric.name);
  own_cpu_.percent = kUnknown;
  if (!config.history.enabled) return;
  past_.emplace(catalogue_, kept_metrics(config, catalogue_), longest_lookback(config, catalogue_), config.span);
  history_.set_past(&*past_);
}

void MetricReader::check_fits(const Config& next) const {
  const char* const kAnew = "start the recorder anew with it";
  const MetricCatalogue wanted = build_catalogue(next);
  const std::vector<RuleConfig> rules = all_rules(next);
  const Engine engine(rules, wanted);
  for (const RuleConfig& rule : rules) {
    for (const MetricId id : engine.metrics(rule.name))
      if (const std::string& name = wanted.info(id).name; !catalogue_.find(name))
        throw Error(fmt::format("rule '{}': {} is read only where it was asked for when the recorder was started", printable(rule.name), printable(name)), kAnew);
    for (const Lookback& lookback : engine.lookbacks(rule.name)) {
      const std::string& name = wanted.info(lookback.metric).name;
      if (past_ && past_->answers(lookback.span) && !past_->reaches(*catalogue_.find(name), lookback.span))
        throw Error(fmt::format("rule '{}': {} of the last {} is not kept since the recorder was started", printable(rule.name), printable(name), duration_literal(lookback.span)), kAnew);
    }
  }
}

void MetricReader::add_process(std::int32_t pid, std::uint32_t target) {
  processes_.began(pid, target);
  sockets_.began(pid, target);
  cgroup_.began(pid, target);
}

std::string MetricReader::explained(std::string_view when) const {
  std::string text;
  std::size_t peers = 0;
  for (const Heartbeats::PeerAge& peer : peers_now_) {
    if (when.find("beat." + peer.name + ".age") == std::string_view::npos) continue;
    if (++peers <= kNamedPeers) text += fmt::format("{}{} {}", text.empty() ? "; since the last beat to " : ", ", peer.peer, duration_text(from_seconds(peer.age)));
  }
  if (peers > kNamedPeers) text += fmt::format(" and {} more", peers - kNamedPeers);
  return progress_.explained(when) + text;
}

std::vector<std::string> MetricReader::notes() const {
  std::vector<std::string> notes;
  std::string unknown;
  for (const std::string& problem : host_.problems()) unknown += (unknown.empty() ? "" : ", ") + problem.substr(0, problem.find(": "));
  if (!unknown.empty()) notes.push_back("this host does not tell " + unknown + ": `fdr doctor --metrics` says why");
  if (cgroup_.blind()) notes.push_back("cgroup.* is not known: no cgroup of the first target can be seen from here");
  return notes;
}

void MetricReader::keep_peer_ages(const Heartbeats& beats, Timestamp now) {
  peers_now_ = beats.peer_ages();
  for (const Heartbeats::PeerAge& peer : peers_now_) peer_ages_[fmt::format("beat.{}[{}].age", peer.name, peer.peer)].push_back({now, peer.age});
  const Timestamp oldest = history_.size() > 0 ? history_.time(0) : now;
  for (auto& [name, points] : peer_ages_)
    while (!points.empty() && points.front().time < oldest) points.pop_front();
}

void MetricReader::target_exited(int wait_status) {
  if (!exited_ || badness(wait_status) > badness(*exited_)) exited_ = wait_status;
}

void MetricReader::set(const char* name, double value) {
  if (const auto id = catalogue_.find(name)) row_[*id] = value;
}

void MetricReader::read(const Recording& recording, const Recording::Changes& changes, Heartbeats& beats, const WatchedValues& watched, Duration lateness, Timestamp now) {
  std::fill(row_.begin(), row_.end(), kUnknown);
  for (const auto& [pid, target] : changes.processes.started) add_process(pid, target);
  for (const TargetExit& exit : changes.processes.exits) {
    if (exit.replaced) continue;  // who has the number now began in its place
    processes_.ended(exit.pid, exit.user_s, exit.system_s, now);
    sockets_.ended(exit.pid);
    cgroup_.ended(exit.pid);
  }
  host_.read(now, row_);
  disks_.read(now, row_);
  processes_.read(now, row_);
  threads_.read(recording.window().threads, recording.live_slots(), changes.ended_threads, recording.window().control->lacks, now, row_);
  goroutines_.read(recording.go_programs(), now, row_);
  sockets_.read(now, row_);
  slab_.read(now, row_);
  cgroup_.read(now, row_);
  progress_.read(recording.window().threads, recording.live_slots(), now, row_);
  oom_.read(now, row_);
  if (recording.economy().spares_calls() || !recording.sees_calls()) {
    syscalls_.forget();  // unknown where nobody looks, never 0
  } else {
    syscalls_.read(recording.summary(), now, row_);
  }
  standstill_.read(recording.source().canaries(), now, row_);
  const std::vector<double> ages = beats.ages(now);
  keep_peer_ages(beats, now);
  if (bystanders_.due(now)) bystanders_.read(recording.source().bystander_ticks(), now);
  for (std::size_t i = 0; i < beat_names_.size(); ++i) set(beat_names_[i].c_str(), ages[i]);
  for (std::size_t i = 0; i < log_names_.size() && i < watched.log_counts.size(); ++i) set(log_names_[i].c_str(), watched.log_counts[i]);
  for (std::size_t i = 0; i < metric_names_.size() && i < watched.metrics.size(); ++i) set(metric_names_[i].c_str(), watched.metrics[i]);
  if (const auto status = std::exchange(exited_, std::nullopt)) {
    set("exit.code", WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status));
    set("exit.signal", WIFSIGNALED(*status) ? WTERMSIG(*status) : 0);
  }
  set("recorder.lateness", to_seconds(lateness));
  if (now - own_cpu_.time >= std::chrono::seconds(1)) {
    const double seconds = own_cpu_seconds();
    if (own_cpu_.time != Timestamp{}) own_cpu_.percent = 100 * (seconds - own_cpu_.seconds) / to_seconds(now - own_cpu_.time);
    own_cpu_.time = now;
    own_cpu_.seconds = seconds;
    own_rss_ = static_cast<double>(own_anonymous_bytes(recording.window().layout.ring_bytes()));
  }
  set("recorder.cpu", own_cpu_.percent);
  if (recording.economy().budget()) set("recorder.calls_spared", recording.economy().spares_calls());
  set("recorder.rss", own_rss_);
  history_.push(now, row_);
  if (past_) past_->push(now, row_);
}

std::vector<MetricSeries> MetricReader::series(Timestamp begin) const {
  std::vector<MetricSeries> all;
  for (MetricId id = 0; id < catalogue_.size(); ++id) {
    const MetricInfo& info = catalogue_.info(id);
    MetricSeries series{.name = info.name, .unit = info.unit, .kind = info.kind, .points = {}};
    for (std::size_t i = 0; i < history_.size(); ++i) {
      const double value = history_.value(id, i);
      if (history_.time(i) >= begin && !std::isnan(value)) series.points.push_back({history_.time(i), value});
    }
    if (!series.points.empty()) all.push_back(std::move(series));
  }
  std::vector<MetricSeries> others = other_series(begin);
  std::move(others.begin(), others.end(), std::back_inserter(all));
  return all;
}

std::vector<MetricSeries> MetricReader::other_series(Timestamp begin) const {
  std::vector<MetricSeries> all = bystanders_.series(begin);
  for (const auto& [name, points] : peer_ages_) {
    MetricSeries series{.name = name, .unit = Unit::kSeconds, .kind = MetricKind::kGauge, .points = {}};
    std::copy_if(points.begin(), points.end(), std::back_inserter(series.points), [&](const auto& point) { return point.time >= begin; });
    if (!series.points.empty()) all.push_back(std::move(series));
  }
  return all;
}

}  // namespace fdr

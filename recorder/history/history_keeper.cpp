#include "recorder/history/history_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/error.hpp"
#include "recorder/history/kept_counters.hpp"
#include "recorder/system/silent_files.hpp"

namespace fdr {
namespace {

constexpr std::int64_t kSecondsAtOnce = 30, kMinutesAtOnce = 30;
constexpr std::size_t kLooksKept = 360, kLooksAtOnce = 12;
constexpr const char* kCountersSuffix = ".counters";

}  // namespace

HistoryKeeper::HistoryKeeper(const Config& config, const std::string& name, MetricPast* past)
    : config_(config), past_(past), watch_(Duration{1'000'000'000 / config.frequency}) {
  if (!past_) return;
  const std::string directory = config.history.directory.empty() ? config.directory + "/history" : config.history.directory;
  try {
    if (!answers(directory)) throw Error(directory + ": " + kSilent);
    History history;
    const HistoryReach reach{.seconds = MetricPast::kSecondsKept, .minutes = past_->minutes_kept(), .movers = std::chrono::hours(1)};
    auto file = std::make_unique<HistoryFile>(directory, name, config.history.max_bytes, reach, history);
    path_ = file->path();
    if (!file->started_anew().empty()) told_ = fmt::format("the history {} is begun anew: {}", path_, file->started_anew());
    const std::size_t looks = std::min(history.movers.size(), kLooksKept);
    movers_.assign(history.movers.end() - static_cast<std::ptrdiff_t>(looks), history.movers.end());
    past_->load(history, ClockAnchor::now(), MonotonicClock::now());
    writer_ = std::make_unique<HistoryWriter>(std::move(file), past_->table(), config.keep_free_percent);
  } catch (const std::exception& error) {  // also where no thread is to be had
    told_ = std::string("no history is kept: ") + error.what();
  }
  const Timestamp now = MonotonicClock::now();
  Timestamp unseen_since = now;
  if (writer_) {
    if (const auto counters = kept_counters(path_ + kCountersSuffix, now)) {
      past_->go_on_from(counters->stands, counters->at);
      unseen_since = counters->at + std::chrono::seconds(1);
    }
  }
  seconds_handed_ = unseen_since.time_since_epoch() / std::chrono::seconds(1);
  minutes_handed_ = unseen_since.time_since_epoch() / std::chrono::minutes(1);
}

HistoryKeeper::~HistoryKeeper() {
  hand_over(true);
  if (!writer_) return;
  KeptCounters counters{.at = MonotonicClock::now(), .stands = past_->counters()};
  std::erase_if(counters.stands, [&](const CounterStand& stand) { return !outlives_recorder(stand.name, config_); });
  writer_.reset();  // it makes the directory, and a first run may be over before it has
  if (!counters.stands.empty() && answers(path_)) keep_counters(path_ + kCountersSuffix, counters);
}

void HistoryKeeper::advance(Timestamp now, const std::function<MoverWatch::Ticks()>& ticks) {
  if (!past_) return;
  if (writer_ && !begun_) {  // from here on they are another's: the next recorder goes on from where this one ends, however it does
    forget_counters(path_ + kCountersSuffix);
    begun_ = true;
  }
  if (auto movers = watch_.advance(now, ticks)) {
    movers_.push_back(std::move(*movers));
    if (movers_.size() > kLooksKept) movers_.pop_front();
    movers_new_ = std::min(movers_new_ + 1, movers_.size());
  }
  hand_over(false);
}

void HistoryKeeper::hand_over(bool all) {
  if (!writer_) return;
  const auto hand = [&](MetricPast::Tier tier, HistoryRing ring, std::int64_t& handed, std::int64_t at_once) {
    const std::int64_t end = past_->end(tier);
    if (end <= handed || (!all && end - handed < at_once)) return;
    for (HistoryRows& rows : past_->rows(tier, handed, ClockAnchor::now())) writer_->add(ring, std::move(rows));
    handed = end;
  };
  hand(MetricPast::Tier::kSeconds, HistoryRing::kSeconds, seconds_handed_, kSecondsAtOnce);
  hand(MetricPast::Tier::kMinutes, HistoryRing::kMinutes, minutes_handed_, kMinutesAtOnce);
  if (movers_new_ == 0 || (!all && movers_new_ < kLooksAtOnce)) return;
  writer_->add({movers_.end() - static_cast<std::ptrdiff_t>(movers_new_), movers_.end()});
  movers_new_ = 0;
}

std::optional<std::string> HistoryKeeper::problem() {
  if (problem_told_) return std::nullopt;
  std::string problem = told_;
  if (problem.empty() && writer_) {
    const HistoryWriter::Count count = writer_->count();
    if (count.lost) problem = fmt::format("the history {} is not written: {}", path_, count.problem);
  }
  if (problem.empty()) return std::nullopt;
  problem_told_ = true;
  return problem;
}

History HistoryKeeper::for_bundle(const ClockAnchor& clock) const {
  History history;
  if (!past_) return history;
  history.metrics = past_->table();
  history.seconds = past_->rows(MetricPast::Tier::kSeconds, INT64_MIN, clock);
  history.movers.assign(movers_.begin(), movers_.end());
  history.minutes = past_->rows(MetricPast::Tier::kMinutes, INT64_MIN, clock);
  return history;
}

}  // namespace fdr

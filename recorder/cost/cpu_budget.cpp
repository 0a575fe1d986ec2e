#include "recorder/cost/cpu_budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/text.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr std::array kTickFactors = {2, 5, 10};
constexpr Duration kLongestTick = 1s;

}  // namespace

std::string detail_text(const Detail& detail) {
  return fmt::format("ticks each {}{}", duration_text(detail.every), detail.calls ? "" : ", system calls not looked at");
}

CpuBudget::CpuBudget(double max_percent, const Detail& full, Timestamp now) : most_(max_percent), detail_(full), settled_(now + kSettle) {}

Spending CpuBudget::mean() const {
  Spending sum;
  for (const Spending& one : spent_) sum.own += one.own, sum.programs += one.programs;
  const double count = std::max<double>(1, static_cast<double>(spent_.size()));
  return {sum.own / count, sum.programs / count};
}

void CpuBudget::pause(Timestamp now) {
  spent_.clear();
  settled_ = std::max(settled_, now + kSettle);
  room_since_ = {};
}

// From as it was configured to the next of its multiples.
std::optional<Duration> CpuBudget::longer_tick() const {
  const Duration full = before_.empty() ? detail_.every : before_.front().every;
  for (const int factor : kTickFactors)
    if (full * factor > detail_.every && full * factor <= kLongestTick) return full * factor;
  return std::nullopt;
}

std::optional<std::string> CpuBudget::lower(Timestamp now) {
  const Spending cost = mean();
  Detail next = detail_;
  const auto longer = longer_tick();
  if (longer && (cost.own >= cost.programs || !detail_.calls)) next.every = *longer;
  else if (detail_.calls && cost.programs > 0) next.calls = false;
  exhausted_ = next == detail_;
  if (exhausted_) return std::nullopt;
  // It came back too early.
  if (raised_ != Timestamp{} && now - raised_ < 2 * patience_) patience_ = std::min(2 * patience_, kMostPatience);
  raised_ = {};
  before_.push_back(detail_);
  detail_ = next;
  return fmt::format("it costs {:.1f} % of a CPU ({:.1f} % the recorder, {:.1f} % its programs, estimated), more than {:g} %: less detail, {}", cost.all(), cost.own, cost.programs, most_, detail_text(detail_));
}

std::string CpuBudget::raise(Timestamp now) {
  const double cost = mean().all();
  detail_ = before_.back();
  before_.pop_back();
  raised_ = now;
  return fmt::format("it costs {:.1f} % of a CPU: more detail again, {}", cost, detail_text(detail_));
}

std::optional<std::string> CpuBudget::advance(const Spending& spent, Timestamp now) {
  spent_.push_back(spent);
  if (spent_.size() > static_cast<std::size_t>(kSettle / 1s)) spent_.pop_front();
  if (raised_ != Timestamp{} && now - raised_ >= 2 * patience_) {
    raised_ = {};
    patience_ = kPatience;
  }
  if (now < settled_) return std::nullopt;
  const double cost = mean().all();
  std::optional<std::string> what;
  if (cost > most_) {
    room_since_ = {};
    what = lower(now);
  } else if (exhausted_ = false; cost > kRoom * most_ || before_.empty()) {
    room_since_ = {};
  } else if (room_since_ == Timestamp{}) {
    room_since_ = now;
  } else if (now - room_since_ >= patience_) {
    what = raise(now);
  }
  if (what) pause(now);
  return what;
}

}  // namespace fdr

#include "recorder/cost/economy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/text.hpp"
#include "recorder/cost/self_cost.hpp"

namespace fdr {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);
constexpr Duration kSlack = std::chrono::seconds(10);  // that a slow dump may take to begin

}  // namespace

Economy::Economy(const Config& config, Timestamp now)
    : full_{.every = config.every, .calls = config.detail != SyscallDetail::kOff}, memory_(config.span + config.longest_after() + kSlack) {
  if (config.max_cpu) budget_.emplace(*config.max_cpu, full_, now);
}

// The detail that holds from now on, where it is less than the full one.
void Economy::note(Timestamp now) {
  if (!spells_.empty()) spells_.back().end = std::min(spells_.back().end, now);
  if (budget_->detail() != full_) spells_.push_back({.what = detail_text(budget_->detail()), .begin = now, .end = Timestamp::max()});
}

std::optional<std::string> Economy::advance(const WindowView& window, std::span<const std::uint32_t> live, bool dumping, Timestamp now) {
  if (!budget_ || now - last_ < kSecond) return std::nullopt;
  const double own_s = own_cpu_seconds(), seconds = to_seconds(now - last_);
  const Duration programs = programs_.read(window, live, budget_->detail().calls);
  const Spending spent{.own = 100 * (own_s - own_s_) / seconds, .programs = 100 * to_seconds(programs) / seconds};
  const bool first = last_ == Timestamp{};
  last_ = now;
  own_s_ = own_s;
  if (first) return std::nullopt;
  while (!spells_.empty() && spells_.front().end < now - memory_) spells_.pop_front();
  if (dumping) {
    budget_->pause(now);
    return std::nullopt;
  }
  const auto changed = budget_->advance(spent, now);
  if (!changed) return std::nullopt;
  const fdr_u32 spared = spares_calls() ? FDR_SPARED_CALLS : 0;
  __atomic_store_n(&window.control->spared, spared, __ATOMIC_RELAXED);
  note(now);
  return changed;
}

std::vector<LoweredDetail> Economy::lowered(Timestamp begin, Timestamp now) const {
  std::vector<LoweredDetail> found;
  for (const LoweredDetail& spell : spells_)
    if (spell.end > begin && spell.begin <= now) found.push_back({spell.what, std::max(spell.begin, begin), std::min(spell.end, now)});
  return found;
}

std::vector<std::string> lowered_texts(const std::vector<LoweredDetail>& lowered, double max_cpu_percent) {
  std::vector<std::string> texts;
  for (const LoweredDetail& one : lowered)
    texts.push_back(fmt::format("for {} detail was lowered, to cost no more than {:g} % of a CPU: {}", duration_text(one.end - one.begin), max_cpu_percent, one.what));
  return texts;
}

}  // namespace fdr

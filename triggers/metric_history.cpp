#include "triggers/metric_history.hpp"

#include <algorithm>

#include "formats/error.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

}  // namespace

MetricId MetricCatalogue::add(MetricInfo info) {
  const auto [entry, added] = ids_.try_emplace(info.name, static_cast<MetricId>(infos_.size()));
  if (added) infos_.push_back(std::move(info));
  return entry->second;
}

std::optional<MetricId> MetricCatalogue::find(std::string_view name) const {
  const auto entry = ids_.find(name);
  if (entry == ids_.end()) return std::nullopt;
  return entry->second;
}

std::vector<std::string> MetricCatalogue::names() const {
  std::vector<std::string> names;
  names.reserve(infos_.size());
  for (const MetricInfo& info : infos_) names.push_back(info.name);
  return names;
}

MetricHistory::MetricHistory(std::size_t metrics, std::size_t ticks)
    : metrics_(metrics), capacity_(std::max<std::size_t>(ticks, 1)), times_(capacity_), values_(metrics_ * capacity_) {}

void MetricHistory::push(Timestamp time, std::span<const double> values) {
  FDR_CHECK(values.size() == metrics_);
  FDR_CHECK(used_ == 0 || time >= times_[row(used_ - 1)]);
  if (used_ == capacity_) {
    first_ = (first_ + 1) % capacity_;
    --used_;
  }
  const std::size_t target = row(used_++);
  times_[target] = time;
  std::copy(values.begin(), values.end(), values_.begin() + static_cast<std::ptrdiff_t>(target * metrics_));
}

Timestamp MetricHistory::time(std::size_t index) const {
  FDR_CHECK(index < used_);
  return times_[row(index)];
}

double MetricHistory::value(MetricId id, std::size_t index) const {
  FDR_CHECK(index < used_ && id < metrics_);
  return values_[row(index) * metrics_ + id];
}

double MetricHistory::latest(MetricId id) const { return used_ == 0 ? kUnknown : value(id, used_ - 1); }

std::optional<std::size_t> MetricHistory::index_at(Timestamp time) const {
  std::size_t low = 0, high = used_;  // ticks before `low` are not after `time`, those from `high` on are
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (times_[row(middle)] <= time) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return std::nullopt;
  return low - 1;
}

double MetricHistory::at(MetricId id, Timestamp time) const {
  const auto index = index_at(time);
  return index ? value(id, *index) : kUnknown;
}

double MetricHistory::interpolated(MetricId id, Timestamp time) const {
  const auto index = index_at(time);
  if (!index) return kUnknown;
  const double before = value(id, *index);
  const Timestamp begin = times_[row(*index)];
  if (begin == time || *index + 1 == used_) return before;
  const double after = value(id, *index + 1);
  const Duration step = times_[row(*index + 1)] - begin;
  return before + (after - before) * (to_seconds(time - begin) / to_seconds(step));
}

}  // namespace fdr

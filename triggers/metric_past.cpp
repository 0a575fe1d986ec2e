#include "triggers/metric_past.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/error.hpp"
#include "formats/history_code.hpp"
#include "triggers/percentile.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kSecond = std::chrono::seconds(1), kMinute = std::chrono::minutes(1);
constexpr std::int64_t kSecondsOfMinute = 60;
constexpr std::int64_t kLongestTick = 10;    // seconds; the greatest metrics.every
constexpr std::int64_t kLongestUnseen = 60;  // seconds; a metric that was gone for longer is not taken to have gone on
constexpr std::int64_t kFarthest_ns = std::int64_t{1} << 62;
constexpr Duration kMinutesMore = std::chrono::minutes(10);  // a look-back of a day at the beginning of a window

std::int64_t floor_division(std::int64_t value, std::int64_t by) { return value / by - (value % by < 0); }

std::int64_t steps(Duration span, Duration step) { return (span + step - Duration{1}) / step; }

}  // namespace

std::int64_t MetricPast::Ring::number_of(Timestamp time) const { return floor_division(to_ns(time), step.count()); }

const HistoryValue* MetricPast::Ring::at(std::size_t place, std::int64_t number) const {
  if (number < begin || number >= end || values[place].empty()) return nullptr;
  const auto size = static_cast<std::int64_t>(capacity);
  const HistoryValue& value = values[place][static_cast<std::size_t>(((number % size) + size) % size)];
  return value.known() ? &value : nullptr;
}

void MetricPast::Ring::reach(std::int64_t number) {
  if (empty()) begin = end = number;
  const auto size = static_cast<std::int64_t>(capacity);
  for (std::int64_t i = std::max(end, number + 1 - size); i <= number; ++i)
    for (auto& column : values)
      if (!column.empty()) column[static_cast<std::size_t>(((i % size) + size) % size)] = {};
  end = std::max(end, number + 1);
  begin = std::max(begin, end - size);
}

void MetricPast::Ring::put(std::size_t place, std::int64_t number, const HistoryValue& value) {
  if (number >= end || empty()) reach(number);
  if (number < begin || !value.known()) return;
  if (values[place].empty()) values[place].resize(capacity);
  const auto size = static_cast<std::int64_t>(capacity);
  values[place][static_cast<std::size_t>(((number % size) + size) % size)] = value;
}

void MetricPast::Gathered::add(double value) {
  least = count ? std::min(least, value) : value;
  greatest = count ? std::max(greatest, value) : value;
  sum += value;
  ++count;
}

void MetricPast::Gathered::add(const HistoryValue& value) {
  const double least_before = least, greatest_before = greatest;
  const bool first = count == 0;
  add(static_cast<double>(value.mean));
  least = first ? value.least : std::min<double>(least_before, value.least);
  greatest = first ? value.greatest : std::max<double>(greatest_before, value.greatest);
}

HistoryValue MetricPast::Gathered::take() {
  HistoryValue value;
  if (count) value = history_value(sum / count, least, greatest);
  count = 0;
  sum = grown = 0;
  return value;
}

MetricPast::MetricPast(const MetricCatalogue& catalogue, std::vector<MetricId> metrics, Duration minutes, Duration least)
    : metrics_(std::move(metrics)),
      places_(catalogue.size(), -1),
      least_(least),
      seconds_{.step = kSecond, .capacity = static_cast<std::size_t>(kSecondsKept / kSecond), .values = {}},
      minutes_{.step = kMinute, .capacity = static_cast<std::size_t>((std::clamp(minutes, kLeastMinutes, kLongest) + kMinutesMore) / kMinute), .values = {}},
      second_(metrics_.size()),
      minute_(metrics_.size()) {
  FDR_CHECK(metrics_.size() <= kMaxHistoryMetrics);
  for (std::size_t place = 0; place < metrics_.size(); ++place) {
    const MetricInfo& info = catalogue.info(metrics_[place]);
    places_[metrics_[place]] = static_cast<std::int32_t>(place);
    counter_.push_back(info.kind == MetricKind::kCounter);
    table_.push_back({info.name, info.unit, info.kind});
  }
  seconds_.values.resize(metrics_.size());
  minutes_.values.resize(metrics_.size());
}

std::vector<HistoryMetric> MetricPast::table() const { return table_; }

std::optional<std::size_t> MetricPast::place_of(MetricId id) const {
  if (id >= places_.size() || places_[id] < 0) return std::nullopt;
  return static_cast<std::size_t>(places_[id]);
}

void MetricPast::load_rows(const History& history, const std::vector<HistoryRows>& runs, const ClockAnchor& anchor, Timestamp now, Ring& ring) {
  std::vector<std::int32_t> place(history.metrics.size(), -1);
  for (std::size_t i = 0; i < history.metrics.size(); ++i) {
    const auto same = std::find(table_.begin(), table_.end(), history.metrics[i]);
    if (same != table_.end()) place[i] = static_cast<std::int32_t>(same - table_.begin());
  }
  const std::int64_t end = ring.number_of(now);
  for (const HistoryRows& rows : runs) {
    if (rows.step != ring.step) continue;
    // The clocks of a bundle are a stranger's: modulo 2^64.
    const auto shift = static_cast<std::uint64_t>(anchor.monotonic_ns) - static_cast<std::uint64_t>(anchor.realtime_ns);
    const auto begin = static_cast<std::int64_t>(static_cast<std::uint64_t>(rows.start_ns) + shift);
    if (begin < -kFarthest_ns || begin > kFarthest_ns) continue;
    const std::int64_t first = floor_division(begin + ring.step.count() / 2, ring.step.count());
    for (std::int64_t row = 0; row < rows.rows && first + row < end; ++row) {
      if (first + row >= ring.end || ring.empty()) ring.reach(first + row);
      for (const HistoryRows::Column& column : rows.columns)
        if (column.metric < place.size() && place[column.metric] >= 0)
          ring.put(static_cast<std::size_t>(place[column.metric]), first + row, column.values[static_cast<std::size_t>(row)]);
    }
  }
}

// A recorder that was killed has lost its last minutes, but not as many of its seconds.
void MetricPast::fold_minutes() {
  for (std::int64_t minute = floor_division(seconds_.begin, kSecondsOfMinute) + 1; (minute + 1) * kSecondsOfMinute <= seconds_.end; ++minute) {
    for (std::size_t place = 0; place < metrics_.size(); ++place) {
      if (minutes_.at(place, minute)) continue;
      Gathered gathered;
      for (std::int64_t second = minute * kSecondsOfMinute; second < (minute + 1) * kSecondsOfMinute; ++second)
        if (const HistoryValue* value = seconds_.at(place, second)) gathered.add(*value);
      if (gathered.count) minutes_.put(place, minute, gathered.take());
    }
  }
}

void MetricPast::load(const History& history, const ClockAnchor& anchor, Timestamp now) {
  FDR_CHECK(!current_);
  load_rows(history, history.seconds, anchor, now, seconds_);
  load_rows(history, history.minutes, anchor, now, minutes_);
  fold_minutes();
}

void MetricPast::go_on_from(const std::vector<CounterStand>& stands, Timestamp at) {
  FDR_CHECK(!current_);
  stood_.assign(metrics_.size(), kUnknown);
  stood_at_ = seconds_.number_of(at);
  for (const CounterStand& stand : stands)
    for (std::size_t place = 0; place < metrics_.size(); ++place)
      if (counter_[place] && table_[place].name == stand.name) stood_[place] = stand.value;
}

std::vector<CounterStand> MetricPast::counters() const {
  std::vector<CounterStand> stands;
  for (std::size_t place = 0; place < metrics_.size(); ++place)
    if (counter_[place] && !std::isnan(second_[place].last)) stands.push_back({table_[place].name, second_[place].last});
  return stands;
}

// The seconds and minutes between these two that have no value, to be `value` each.
void MetricPast::fill(std::size_t place, std::int64_t from, std::int64_t number, const HistoryValue& value) {
  const std::int64_t going_on = floor_division(number, kSecondsOfMinute);
  for (std::int64_t second = std::max(from + 1, number - static_cast<std::int64_t>(seconds_.capacity)); second < number; ++second) {
    if (seconds_.at(place, second)) continue;
    seconds_.put(place, second, value);
    if (floor_division(second, kSecondsOfMinute) == going_on) minute_[place].add(value);
  }
  for (std::int64_t minute = floor_division(from, kSecondsOfMinute) + 1; minute < going_on; ++minute)
    if (!minutes_.at(place, minute)) minutes_.put(place, minute, value);
}

// Evenly over the seconds since `from`, the one that is going on with them: no more is known of when.
void MetricPast::grow(std::size_t place, double growth, std::int64_t from, std::int64_t number) {
  const double share = growth / static_cast<double>(std::max<std::int64_t>(1, number - from));
  fill(place, from, number, history_value(share, share, share));
  second_[place].grown += share;
  ++second_[place].count;
}

void MetricPast::push(Timestamp now, std::span<const double> row) {
  const std::int64_t number = seconds_.number_of(now), before = current_.value_or(number);
  if (current_ && number > *current_) close_second(*current_, number);
  if (!current_ || number > *current_) current_ = number;
  for (std::size_t place = 0; place < metrics_.size(); ++place) {
    const double value = row[metrics_[place]];
    if (std::isnan(value)) continue;
    Gathered& gathered = second_[place];
    if (counter_[place]) {
      const double stood = stood_.empty() || gathered.seen ? kUnknown : std::exchange(stood_[place], kUnknown);
      if (value >= stood && number > stood_at_) grow(place, value - stood, stood_at_, number);
      if (value >= gathered.last && number - *gathered.seen <= kLongestUnseen) grow(place, value - gathered.last, *gathered.seen, number);
      gathered.last = value;
    } else {
      if (gathered.seen == before && number > before + 1 && number <= before + kLongestTick)
        if (const HistoryValue* stayed = seconds_.at(place, before)) fill(place, before, number, HistoryValue(*stayed));
      gathered.add(value);
    }
    gathered.seen = number;
  }
}

void MetricPast::close_second(std::int64_t number, std::int64_t next) {
  const std::int64_t minute = floor_division(number, kSecondsOfMinute);
  seconds_.reach(number);
  for (std::size_t place = 0; place < metrics_.size(); ++place) {
    Gathered& gathered = second_[place];
    if (counter_[place] && gathered.count) {
      const double grown = gathered.grown;
      gathered.take();
      gathered.add(grown);
    }
    const HistoryValue value = gathered.take();
    if (!value.known()) continue;
    seconds_.put(place, number, value);
    minute_[place].add(value);
  }
  if (floor_division(next, kSecondsOfMinute) == minute) return;
  minutes_.reach(minute);
  for (std::size_t place = 0; place < metrics_.size(); ++place) minutes_.put(place, minute, minute_[place].take());
}

double MetricPast::over(Of what, MetricId id, Duration span, Timestamp now) const {
  const auto place = place_of(id);
  if (!place) return kUnknown;
  const Ring& ring = ring_for(span);
  const std::int64_t end = ring.number_of(now), count = steps(span, ring.step);
  if (ring.empty() || end - count < ring.begin) return kUnknown;
  static thread_local std::vector<double> means;  // grows to the longest span once
  means.clear();
  Gathered gathered;
  for (std::int64_t number = end - count; number < end; ++number) {
    const HistoryValue* value = ring.at(*place, number);
    if (!value) continue;
    gathered.add(*value);
    if (what == Of::kPercentile99) means.push_back(value->mean);
  }
  if (gathered.count == 0 || 2 * std::int64_t{gathered.count} < count) return kUnknown;
  if (what == Of::kLeast) return gathered.least;
  if (what == Of::kGreatest) return gathered.greatest;
  if (what == Of::kMean) return gathered.sum / gathered.count;
  return percentile_99(means);
}

double MetricPast::before(MetricId id, Duration span, Timestamp now) const {
  const auto place = place_of(id);
  if (!place) return kUnknown;
  const Ring& ring = ring_for(span);
  const HistoryValue* value = ring.at(*place, ring.number_of(now - span));
  return value ? value->mean : kUnknown;
}

double MetricPast::grown(MetricId id, Duration span, Timestamp now) const {
  const Ring& ring = ring_for(span);
  const double mean = over(Of::kMean, id, span, now);  // per second
  return mean * to_seconds(ring.step) * static_cast<double>(steps(span, ring.step));
}

std::vector<HistoryRows> MetricPast::rows(Tier tier, std::int64_t from, const ClockAnchor& anchor) const {
  const Ring& ring = tier == Tier::kSeconds ? seconds_ : minutes_;
  std::vector<HistoryRows> runs;
  for (std::int64_t begin = std::max(from, ring.begin); begin < ring.end; begin += kMaxHistoryRows) {
    const std::int64_t end = std::min<std::int64_t>(ring.end, begin + kMaxHistoryRows);
    HistoryRows rows{.start_ns = begin * ring.step.count() - anchor.monotonic_ns + anchor.realtime_ns, .step = ring.step,
                     .rows = static_cast<std::uint32_t>(end - begin), .columns = {}};
    for (std::size_t place = 0; place < metrics_.size(); ++place) {
      HistoryRows::Column column{.metric = static_cast<std::uint16_t>(place), .values = {}};
      for (std::int64_t number = begin; number < end; ++number) {
        const HistoryValue* value = ring.at(place, number);
        if (!value && column.values.empty()) continue;
        if (column.values.empty()) column.values.resize(static_cast<std::size_t>(number - begin));
        column.values.push_back(value ? *value : HistoryValue{});
      }
      if (!column.values.empty()) rows.columns.push_back(std::move(column));
    }
    if (!rows.columns.empty()) runs.push_back(std::move(rows));
  }
  return runs;
}

}  // namespace fdr

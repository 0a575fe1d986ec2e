#include "formats/figures/memory_ledger.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kMostSeconds = 24 * 3600;  // of a hostile window: rows are bounded
constexpr std::size_t kMostMovers = 3;

// The last point not after a moment; nothing before the first.
std::optional<double> value_at(const MetricSeries& series, Timestamp time) {
  const auto behind = std::upper_bound(series.points.begin(), series.points.end(), time,
                                       [](Timestamp t, const MetricSeries::Point& point) { return t < point.time; });
  if (behind == series.points.begin() || !std::isfinite(std::prev(behind)->value)) return std::nullopt;
  return std::prev(behind)->value;
}

std::optional<double> change_of(const MetricSeries& series, Timestamp from, Timestamp to) {
  const auto first = value_at(series, from), last = value_at(series, to);
  return first && last ? std::optional(*last - *first) : std::nullopt;
}

bool is_mover(std::string_view name) {
  return name == "cgroup.memory" || name == "process.rss" || (name.starts_with("process[") && name.ends_with("].rss"));
}

class Ledger {
 public:
  explicit Ledger(const View& view) {
    for (const MetricSeries& series : view.timeline.metrics)
      if (!series.points.empty()) series_[series.name] = &series;
  }

  const MetricSeries* find(std::string_view name) const {
    const auto found = series_.find(name);
    return found == series_.end() ? nullptr : found->second;
  }

  std::optional<double> growth(const LedgerAccount& account, Timestamp from, Timestamp to) const {
    std::optional<double> sum;
    const auto add = [&](const char* name, double sign) {
      const MetricSeries* series = find(name);
      const auto change = series ? change_of(*series, from, to) : std::nullopt;
      if (change) sum = sum.value_or(0) + sign * *change;
    };
    for (const char* name : account.metrics) add(name, 1);
    if (sum)
      for (const char* name : account.less) add(name, -1);
    return sum;
  }

  template <class Wanted>
  std::vector<Mover> movers(Timestamp from, Timestamp to, Wanted wanted) const {
    std::vector<Mover> all;
    for (const auto& [name, series] : series_) {
      const std::string shown = wanted(name);
      const auto change = shown.empty() ? std::nullopt : change_of(*series, from, to);
      if (change && *change != 0) all.push_back({printable(shown), *change});
    }
    std::stable_sort(all.begin(), all.end(), [](const Mover& a, const Mover& b) { return std::abs(a.bytes) > std::abs(b.bytes); });
    if (all.size() > kMostMovers) all.resize(kMostMovers);
    return all;
  }

  std::optional<LedgerRow> row(Timestamp from, Timestamp to) const {
    constexpr std::string_view kSlab = "host.slab.";
    const auto free = change_of(*find("host.mem.free"), from, to);
    if (!free) return std::nullopt;
    LedgerRow row;
    row.begin = from;
    row.seconds = to_seconds(to - from);
    row.free = *free;
    row.remainder = -*free;
    for (const LedgerAccount& account : ledger_accounts()) {
      row.growth.push_back(growth(account, from, to));
      row.remainder -= row.growth.back().value_or(0);
    }
    if (const MetricSeries* sockets = find("host.mem.sockets")) row.sockets = change_of(*sockets, from, to);
    row.slabs = movers(from, to, [&](std::string_view name) {
      return name.starts_with(kSlab) ? std::string(name.substr(kSlab.size())) : std::string();
    });
    row.movers = movers(from, to, [](std::string_view name) { return is_mover(name) ? std::string(name) : std::string(); });
    return row;
  }

 private:
  std::map<std::string, const MetricSeries*, std::less<>> series_;
};

}  // namespace

const std::vector<LedgerAccount>& ledger_accounts() {
  static const std::vector<LedgerAccount> accounts = {
      {"anon", "anon", {"host.mem.anon"}, {}},
      {"file", "file", {"host.mem.cached", "host.mem.buffers", "host.mem.swap_cached"}, {"host.mem.shared"}},
      {"shared", "shared", {"host.mem.shared"}, {}},
      {"slab", "slab", {"host.mem.slab"}, {}},
      {"page_tables", "page tables", {"host.mem.page_tables"}, {}},
      {"kernel_stacks", "stacks", {"host.mem.kernel_stacks"}, {}},
      {"per_cpu", "per CPU", {"host.mem.per_cpu"}, {}},
      {"vmalloc", "vmalloc", {"host.mem.vmalloc"}, {"host.mem.kernel_stacks"}},
      {"huge_pages", "huge", {"host.mem.huge_pages"}, {}},
  };
  return accounts;
}

MemoryLedger memory_ledger(const View& view) {
  MemoryLedger result;
  const Ledger ledger(view);
  const MetricSeries* free = ledger.find("host.mem.free");
  if (!free) return result;
  for (const LedgerAccount& account : ledger_accounts())
    if (std::none_of(account.metrics.begin(), account.metrics.end(), [&](const char* name) { return ledger.find(name); }))
      result.missing.emplace_back(account.header);
  const Timestamp from = std::max(view.from(), free->points.front().time), to = std::min(view.to(), free->points.back().time);
  if (to <= from || to_seconds(to - from) > kMostSeconds) return result;
  // Whole seconds from the firing, so that its second begins with it.
  const double first = std::ceil(to_seconds(from - view.fired()) - 1e-9), last = std::floor(to_seconds(to - view.fired()) + 1e-9);
  for (double second = first; second + 1 <= last; ++second)
    if (auto row = ledger.row(view.fired() + from_seconds(second), view.fired() + from_seconds(second + 1))) result.rows.push_back(*row);
  if (!result.rows.empty()) {
    const LedgerRow& end = result.rows.back();
    if (auto all = ledger.row(result.rows.front().begin, end.begin + from_seconds(end.seconds))) result.all = *all;
  }
  return result;
}

}  // namespace fdr

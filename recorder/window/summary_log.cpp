#include "recorder/window/summary_log.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace fdr {
namespace {

void add(SummaryRow& sum, const SummaryRow& row) {
  sum.calls += row.calls;
  sum.errors += row.errors;
  sum.wall_ns += row.wall_ns;
  sum.cpu_ns += row.cpu_ns;
  sum.max_ns = std::max(sum.max_ns, row.max_ns);
  for (int i = 0; i < FDR_HISTOGRAM; ++i) sum.histogram[i] += row.histogram[i];
}

// What a cell gained since it was last read. The maximum is that of the epochs touched since (up to a second too old).
SummaryRow difference(const fdr_summary_cell& now, const fdr_summary_cell& before, std::uint32_t since_epoch) {
  SummaryRow row;
  row.calls = now.calls - before.calls;
  row.errors = now.errors - before.errors;
  row.wall_ns = now.wall_ns - before.wall_ns;
  row.cpu_ns = now.cpu_ns - before.cpu_ns;
  for (int parity = 0; parity < 2; ++parity)
    if (now.max_epoch[parity] >= since_epoch) row.max_ns = std::max(row.max_ns, now.max_ns[parity]);
  for (int i = 0; i < FDR_HISTOGRAM; ++i) row.histogram[i] = now.histogram[i] - before.histogram[i];
  return row;
}

}  // namespace

void SummaryLog::read(const WindowView& window, Timestamp now, const std::vector<std::uint32_t>& dead) {
  const Timestamp begin = last_ == Timestamp{} ? now : last_;
  const auto epoch = static_cast<std::uint32_t>(static_cast<std::uint64_t>(to_ns(begin)) >> 30);
  // A process that ended since the last reading may have counted after it: freed at the next one.
  const std::unordered_set<std::uint32_t> free(to_free_.begin(), to_free_.end());
  to_free_ = dead;

  std::map<std::pair<std::uint32_t, std::uint16_t>, SummaryRow> sums;  // CPUs together
  for (std::uint32_t slot = 0; slot < window.layout.slots; ++slot) {
    for (std::uint32_t i = 0; i < FDR_SUMMARY_ROW; ++i) {
      const std::uint64_t index = std::uint64_t{slot} * FDR_SUMMARY_ROW + i;
      fdr_summary_cell& cell = window.summary[index];
      const bool others = i >= FDR_SUMMARY_CELLS;
      if (others ? cell.calls == 0 : cell.key == 0) continue;
      const fdr_summary_cell copy = cell;
      const std::uint32_t tgid = others ? 0 : static_cast<std::uint32_t>(copy.key >> 32);
      const auto nr = static_cast<std::uint16_t>(others ? i - FDR_SUMMARY_CELLS : copy.key & 0xffff);
      fdr_summary_cell& before = before_[index];
      if (before.key != copy.key) before = {};
      if (copy.calls != before.calls) {
        SummaryRow row = difference(copy, before, epoch);
        row.begin = begin;
        row.interval = now - begin;
        row.tgid = tgid;
        row.nr = nr;
        auto [sum, fresh] = sums.try_emplace({tgid, nr}, row);
        if (!fresh) add(sum->second, row);
      }
      before = copy;
      if (!others && free.contains(tgid)) {
        // Nobody writes a dead process's cell: cleared first, given away by its key last.
        const std::uint64_t key = cell.key;
        cell = fdr_summary_cell{.key = key, .calls = 0, .errors = 0, .wall_ns = 0, .cpu_ns = 0, .max_ns = {}, .max_epoch = {}, .histogram = {}};
        __atomic_store_n(&cell.key, std::uint64_t{0}, __ATOMIC_RELEASE);
        before_.erase(index);
      }
    }
  }
  last_ = now;
  std::vector<SummaryRow> rows;
  rows.reserve(sums.size());
  for (auto& [key, row] : sums) rows.push_back(row);
  keep(std::move(rows), now);
}

void SummaryLog::keep(std::vector<SummaryRow> rows, Timestamp now) {
  if (rows.size() > kRowsPerSecond) {
    std::nth_element(rows.begin(), rows.begin() + kRowsPerSecond, rows.end(),
                     [](const SummaryRow& a, const SummaryRow& b) { return a.calls > b.calls; });
    std::map<std::uint16_t, SummaryRow> others;
    for (std::size_t i = kRowsPerSecond; i < rows.size(); ++i) {
      auto [sum, fresh] = others.try_emplace(rows[i].nr, rows[i]);
      if (!fresh) add(sum->second, rows[i]);
      sum->second.tgid = 0;
    }
    rows.resize(kRowsPerSecond);
    for (auto& [nr, row] : others) rows.push_back(row);
  }
  if (begin_ == Timestamp{}) begin_ = now;
  rows_.insert(rows_.end(), rows.begin(), rows.end());
  while (!rows_.empty() && rows_.front().begin + rows_.front().interval < now - span_) rows_.pop_front();
  begin_ = std::max(begin_, now - span_);
}

}  // namespace fdr

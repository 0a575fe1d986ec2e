// The per-second syscall summary: once a second the programs' running sums are read and the differences kept.
//
// Exact whatever the rings overwrote. The log covers its span at any load: a second keeps at most a fixed number of rows, those with most
// calls; the rest of that second is added up by number under "others". Cells of dead processes are folded and freed here. Session thread.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "formats/clock.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

struct SummaryRow {
  Timestamp begin;
  Duration interval{};
  std::uint32_t tgid = 0;  // 0: others
  std::uint16_t nr = 0;    // with FDR_NR_* bits
  std::uint64_t calls = 0, errors = 0, wall_ns = 0, cpu_ns = 0, max_ns = 0;
  std::uint32_t histogram[FDR_HISTOGRAM] = {};
};

class SummaryLog {
 public:
  static constexpr std::size_t kRowsPerSecond = 256;

  explicit SummaryLog(Duration span) : span_(span) {}

  // `dead`: processes that ended since the last call; their cells are freed after being read.
  void read(const WindowView& window, Timestamp now, const std::vector<std::uint32_t>& dead);
  const std::deque<SummaryRow>& rows() const { return rows_; }
  Timestamp begin() const { return begin_; }  // of the first second kept
  Timestamp read_at() const { return last_; }  // the end of the last second kept

 private:
  void keep(std::vector<SummaryRow> rows, Timestamp now);

  Duration span_;
  Timestamp last_{}, begin_{};
  std::unordered_map<std::uint64_t, fdr_summary_cell> before_;  // by slot and cell
  std::deque<SummaryRow> rows_;
  std::vector<std::uint32_t> to_free_;
};

}  // namespace fdr

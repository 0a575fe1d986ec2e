// The long history: what a host's metrics were, each second for about a day and each minute for about a month, and the
// processes that took most every ten seconds. The model; its bytes are in history_code.hpp (one chunk) and
// history_image.hpp (the file, which is also `history.fdrh` of a bundle).
//
// Wall clock throughout, so that it goes on over a reboot. A counter is kept as its growth per second. Values are rounded to
// 13 significant bits when they are made (history_code.hpp), so that what is in memory and what is read back are the same.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "formats/clock.hpp"
#include "formats/timeline.hpp"

namespace fdr {

inline constexpr std::size_t kMaxHistoryMetrics = 128;
inline constexpr std::size_t kMaxHistoryName = 88;   // bytes of a metric's name
inline constexpr std::uint32_t kMaxHistoryRows = 3600;  // of one chunk
inline constexpr std::size_t kMaxMovers = 24;        // processes of one look

// Of one second or minute. All three are NaN where nothing was known.
struct HistoryValue {
  float mean = std::numeric_limits<float>::quiet_NaN(), least = mean, greatest = mean;
  bool known() const { return mean == mean; }
};

struct HistoryMetric {
  std::string name;
  Unit unit = Unit::kNone;
  MetricKind kind = MetricKind::kGauge;
  bool operator==(const HistoryMetric&) const = default;
};

// Seconds or minutes without a gap between them.
struct HistoryRows {
  struct Column {
    std::uint16_t metric = 0;          // index into the table of metrics
    std::vector<HistoryValue> values;  // one a row
  };
  std::int64_t start_ns = 0;  // CLOCK_REALTIME of the first row's beginning
  Duration step{};
  std::uint32_t rows = 0;
  std::vector<Column> columns;

  std::int64_t end_ns() const { return start_ns + step.count() * static_cast<std::int64_t>(rows); }
};

// Who took most in the span that ended at `time_ns`: of CPU, resident memory and disk traffic the first few each.
struct HistoryMovers {
  struct Process {
    std::string name;  // comm
    std::int32_t pid = 0;
    float cpu_percent = 0;  // of one CPU
    float rss_bytes = 0;
    float io_bytes_s = 0;   // read from and written to disks
    bool ended = false;     // within the span
  };
  std::int64_t time_ns = 0;  // CLOCK_REALTIME
  Duration span{};
  std::vector<Process> processes;
};

struct History {
  std::vector<HistoryMetric> metrics;
  std::vector<HistoryRows> seconds, minutes;  // in the order of time, none over another
  std::vector<HistoryMovers> movers;
  std::vector<std::string> problems;          // what was damaged and left out

  bool empty() const { return seconds.empty() && minutes.empty(); }
};

}  // namespace fdr

// What is kept beside the rings so that a window can be read when its recorder has died: files in its run directory.
//
//   facts      who recorded what, how: replaced when it changes     processes  the process table: replaced when it changes
//   journal    appended each tick: metrics, syscall sums, ledger,    text       the volatile text of at most five seconds ago
//              clock anchors; `journal.old` is what came before it
//
// This is the form of each, both ways: writers give payloads, the reader gives a SavedWindow. Pure but for read_saved_window(). Bounded by
// SavedRoom; what does not fit is left out, oldest first, and said.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/clock.hpp"
#include "formats/timeline.hpp"
#include "recorder/saved/state_file.hpp"
#include "recorder/saved/thin_samples.hpp"
#include "recorder/system/system_text.hpp"
#include "recorder/targets/process_table.hpp"
#include "recorder/window/life_reader.hpp"
#include "recorder/window/summary_log.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

inline constexpr std::uint32_t kStateVersion = 1;

enum class StateKind : std::uint32_t { kFacts = 1, kProcesses, kText, kMetrics, kOtherMetrics, kSummary, kLedger, kPulse, kKernel, kThreads, kSamples };

// Bytes of the files, new and old ones together, by the share of --memory that they have (a sixteenth, 8 MB at most; below 32 MB a sixty-fourth).
struct SavedRoom {
  std::uint64_t all = 0;
  std::uint64_t journal = 0;    // of one of the two
  std::uint64_t processes = 0;
  std::uint64_t text = 0;
};
SavedRoom saved_room(std::uint64_t memory);

// Once, and after a reload.
struct SavedFacts {
  std::string fdr_version, boot_id, name, mode;
  std::vector<std::string> command;
  std::string config;                    // as TOML
  Timestamp armed_at;
  std::uint64_t clock_period_ns = 0;
  std::vector<std::string> notes;        // what could not be had
  struct Metric {
    std::string name;
    Unit unit = Unit::kNone;
    MetricKind kind = MetricKind::kGauge;
  };
  std::vector<Metric> metrics;           // in the order of the rows
};
std::string facts_payload(const SavedFacts& facts);
std::optional<SavedFacts> read_facts(std::string_view payload);

// The table, and how far the life ring had been read into it.
struct SavedProcesses {
  ProcessTable table;
  std::vector<LifeReader::Place> life;
  std::uint64_t left_out = 0;  // of what had ended, for want of room
};
std::string processes_payload(const ProcessTable& table, const std::vector<LifeReader::Place>& life, std::size_t most);
std::optional<SavedProcesses> read_processes(std::string_view payload);

// Once a second: that it lives, and what is no series and no row.
struct Pulse {
  ClockAnchor anchor;
  double cpu_seconds = 0;  // of the recorder
  std::uint64_t life_missed = 0;
  std::int64_t summary_begin_ns = 0, summary_end_ns = 0;
};

std::string pulse_payload(const Pulse& pulse);

// Rows of metrics, each as what differs from the one before; the first of a journal is whole.
class MetricRows {
 public:
  void begin_anew() { last_.clear(); }
  std::string payload(Timestamp time, std::span<const double> row);

 private:
  std::vector<double> last_;
};

std::string series_payload(const std::vector<MetricSeries>& series);
std::string summary_payload(std::span<const SummaryRow> rows);
std::string text_payload(const TextFiles& files, std::size_t most);

struct SavedWindow {
  SavedFacts facts;
  std::optional<SavedProcesses> processes;
  std::vector<MetricSeries> metrics;
  Timestamp metrics_end{};               // of the last row
  std::vector<SummaryRow> summary;
  std::string ledger;                    // ledger.ndjson
  std::vector<ClockAnchor> anchors;      // the last of each minute
  std::optional<Pulse> pulse;            // the last
  TextFiles text;
  ThinSamples samples;                   // of slices on disk only (thin_samples.hpp)
  std::vector<std::string> losses;       // sentences: files that are missing or damaged
};
// Nothing where the facts are missing or damaged: of a recorder that died before it was armed, or of another version.
std::optional<SavedWindow> read_saved_window(const std::string& directory);

// Names of the files in the run directory.
inline constexpr const char* kFactsFile = "facts";
inline constexpr const char* kProcessesFile = "processes";
inline constexpr const char* kTextFile = "text";
inline constexpr const char* kJournalFile = "journal";
inline constexpr const char* kOldJournalFile = "journal.old";
void remove_saved_window(const std::string& directory);

}  // namespace fdr

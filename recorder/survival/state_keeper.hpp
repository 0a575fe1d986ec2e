// Keeps on disk (tmpfs: the run directory) what is needed beside the pinned rings to read the window when we have died: who recovers it gets at
// most the last tick less (saved_window.hpp says what and in which form).
//
// Once a tick a few hundred bytes are appended; the table of processes is written when it has changed, within a thousandth of a CPU. The
// files together stay within saved_room(). A write that fails is a problem to be shown, never an error: the recording goes on. Where the
// rings cannot be pinned nothing is written. Session thread.
#pragma once

#include <string>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/cost/cost_budget.hpp"
#include "recorder/recording/metric_reader.hpp"
#include "recorder/recording/recording.hpp"
#include "recorder/saved/saved_window.hpp"
#include "recorder/survival/state_tail.hpp"

namespace fdr {

class StateKeeper {
 public:
  // `config` outlives this. `directory`: where the files go.
  StateKeeper(const Config& config, std::string directory, std::string name, std::string mode, std::vector<std::string> command);

  // When all is armed: from here on there is a window to be read.
  void begin(const Recording& recording, const MetricReader& metrics, Timestamp now);
  // Once a tick, last. `text`: the volatile text kept for the next firing, taken at `text_at`.
  void advance(const Recording& recording, const MetricReader& metrics, const Engine& engine, const TextFiles& text, Timestamp text_at, Timestamp now);
  void configuration_changed() { facts_written_ = false; }
  // Why the window would not, or not wholly, be readable; empty where it would.
  const std::string& problem() const { return problem_; }

 private:
  void write_facts(const Recording& recording, const MetricReader& metrics);
  void write_processes(const Recording& recording, Timestamp now);
  void keep_seconds(const Recording& recording, const MetricReader& metrics, const Engine& engine);
  void append(StateKind kind, const std::string& payload);
  void replace(const char* file, StateKind kind, const std::string& payload);
  bool begin_journal(Timestamp now);
  void failed(const std::string& what);

  const Config& config_;
  std::string directory_, name_, mode_;
  std::vector<std::string> command_;
  SavedRoom room_;
  std::string problem_;
  bool facts_written_ = false;
  FileDescriptor journal_;
  std::size_t journal_bytes_ = 0;
  Timestamp journal_begun_{}, second_{}, text_at_{};
  std::uint64_t table_saved_ = 0;
  StateTail tail_;
  MetricRows rows_;
  CostBudget table_cost_{0.001};
};

}  // namespace fdr

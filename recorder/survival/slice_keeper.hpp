// Leaves slices on disk for the death of the host (a power cut, a reset, a kernel that hangs): the last metrics, sums of system calls, a thin
// selection of stack samples, the ledger and the table of processes. They are laid down as the state beside the rings is (saved_window.hpp),
// in DIRECTORY/slices/NAME, and read back by slice_recovery.hpp.
//
// Metrics are kept once a second, all is written each four seconds, or eight where its share of a CPU is used up: a power cut costs that and the
// time of a write. At most kBytesPerSecond over ten seconds, metrics first; what covers more than the window goes. An orderly end removes it
// all. Session thread; the disk is another's (slice_writer.hpp).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/survival/slice_writer.hpp"
#include "recorder/survival/state_tail.hpp"

namespace fdr {

// DIRECTORY/slices/NAME.
std::string slice_directory(const std::string& bundles, const std::string& name);
// With what is in it, and what is empty above it.
void remove_slice_directory(const std::string& directory);

class SliceKeeper {
 public:
  static constexpr double kBytesPerSecond = 20'000;

  // `config` outlives this. Off where `config.slices` says so, and where slices of an earlier death are still there.
  SliceKeeper(const Config& config, std::string name, std::string mode, std::vector<std::string> command);
  ~SliceKeeper();

  // Once a tick.
  void advance(const Recording& recording, const MetricReader& metrics, const Engine& engine, Timestamp now);
  void configuration_changed() { facts_written_ = false; }
  // Why there would be none, or holes in them; empty where all is well.
  std::string problem() const;
  bool on() const { return writer_ != nullptr; }
  std::uint64_t written_bytes() const { return writer_ ? writer_->written_bytes() : 0; }

 private:
  void begin_journal(Timestamp now);
  void add(StateKind kind, const std::string& payload);
  bool may_add(std::size_t bytes) const { return static_cast<double>(pending_.size() + bytes) < allowance_; }
  void add_slice(const Recording& recording, const MetricReader& metrics, const Engine& engine);
  void write_processes(const Recording& recording, Timestamp now);

  const Config& config_;
  std::string directory_, name_, mode_, problem_;
  std::vector<std::string> command_;
  StateTail tail_;
  MetricRows rows_;
  SamplePicker samples_;
  std::string kernel_;   // payload
  std::string pending_;  // records that are to be written
  bool facts_written_ = false, begun_ = false;
  double allowance_ = 0;
  std::uint64_t table_saved_ = 0;
  Timestamp second_{}, slice_{}, sliced_{}, table_{}, journal_begun_{}, refilled_{};
  CostBudget cost_{0.001};
  std::unique_ptr<SliceWriter> writer_;
};

}  // namespace fdr

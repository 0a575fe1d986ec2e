// Keeps the baselines of a recording: when one is due (baselines/baseline_schedule.hpp), copies out what it is made of and has it cut
// on another thread (baseline_cut.hpp), one at a time. What fails is a problem to be shown, never an error. Session thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "formats/json_writer.hpp"
#include "recorder/baselines/baseline_cut.hpp"
#include "recorder/baselines/baseline_schedule.hpp"
#include "recorder/recording/metric_reader.hpp"
#include "recorder/recording/recording.hpp"

namespace fdr {

class BaselineKeeper {
 public:
  // `config` outlives this.
  BaselineKeeper(const Config& config, std::string name, std::string mode);

  // Once a tick, last. `calm`: nothing is wrong, and nothing else is being written.
  void advance(const Recording& recording, const MetricReader& metrics, bool calm, Timestamp now);
  // An operator's mark; says what becomes of it.
  std::string mark(const std::string& text, Timestamp now);
  // What went wrong first, once.
  std::optional<std::string> problem();
  // Of `fdr status`: how many were cut, the last one and what it took.
  void write_status(JsonWriter& json) const;

 private:
  void begin(const BaselineSchedule::Due& due, const Recording& recording, const MetricReader& metrics);

  const Config& config_;
  std::string name_, mode_, problem_;
  bool problem_told_ = false;
  BaselineSchedule schedule_;
  std::size_t cut_count_ = 0;
  BaselineResult last_;
  Duration copying_{};  // CPU time of the last copy, on this thread
  std::unique_ptr<BaselineCut> cut_;
};

}  // namespace fdr

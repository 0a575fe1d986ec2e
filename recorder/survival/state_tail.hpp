// What a recording has come to know since it was last asked, in the form in which it is laid down beside the rings (state_keeper.hpp) and on
// disk (slice_keeper.hpp). Each of the two has its own. Session thread.
#pragma once

#include <string>
#include <vector>

#include "recorder/recording/metric_reader.hpp"
#include "recorder/recording/recording.hpp"
#include "recorder/saved/saved_window.hpp"
#include "triggers/engine.hpp"

namespace fdr {

class StateTail {
 public:
  Pulse pulse(const Recording& recording) const;
  std::vector<SummaryRow> summary(const SummaryLog& log);
  std::string ledger(const Engine& engine, const ClockAnchor& clock);  // as ndjson
  std::vector<MetricSeries> others(const MetricReader& metrics);       // that have no place in the catalogue

 private:
  Timestamp summary_saved_{}, others_saved_{};
  std::uint64_t ledger_saved_ = 0;
};

// Who recorded what, how.
SavedFacts facts_of(const Config& config, const std::string& name, const std::string& mode, const std::vector<std::string>& command, const Recording& recording, const MetricReader& metrics);

}  // namespace fdr

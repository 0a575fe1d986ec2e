// Keeps the long history: what the past of the metrics (triggers/metric_past.hpp) has gathered goes to disk every half minute, and
// comes back when a recorder of that name starts again; what counters grew by in between comes with it (kept_counters.hpp). Session thread; the disk is another thread's (history_writer.hpp).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "recorder/config/config.hpp"
#include "recorder/history/history_writer.hpp"
#include "recorder/history/movers.hpp"
#include "triggers/metric_past.hpp"

namespace fdr {

class HistoryKeeper {
 public:
  // `config` and `past` (null: the history is off) outlive this; what is on disk is loaded into it. What cannot be read or written is told by problem(),
  // and all else goes on.
  HistoryKeeper(const Config& config, const std::string& name, MetricPast* past);
  ~HistoryKeeper();

  // Once a tick; `ticks` are those of programs outside the targets, asked for once in ten seconds.
  void advance(Timestamp now, const std::function<MoverWatch::Ticks()>& ticks);
  // What went wrong first, once.
  std::optional<std::string> problem();
  // The part of it that a bundle gets, its times by the bundle's clock. A copy: to be encoded on another thread.
  History for_bundle(const ClockAnchor& clock) const;

 private:
  void hand_over(bool all);

  const Config& config_;
  MetricPast* past_;
  std::string told_, path_;
  bool problem_told_ = false;
  std::int64_t seconds_handed_ = 0, minutes_handed_ = 0;
  MoverWatch watch_;
  std::deque<HistoryMovers> movers_;  // of the last hour, the newest last
  std::size_t movers_new_ = 0;        // the last so many of them are not handed over yet
  std::unique_ptr<HistoryWriter> writer_;
  bool begun_ = false;  // there was a tick
};

}  // namespace fdr

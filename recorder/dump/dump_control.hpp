// One bundle at a time, from the firing to its final name: when the snapshots are taken, what goes into the manifest, who is told.
//
// Firings that come while a bundle can still take them are merged into it. `fdr now` makes a short-lived one under /run. Session thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recorder/bundles/dump_manifest.hpp"
#include "recorder/control/control.hpp"
#include "recorder/dump/dumper.hpp"
#include "recorder/history/history_keeper.hpp"
#include "recorder/logs/log_follower.hpp"
#include "recorder/recording/metric_reader.hpp"
#include "recorder/recording/recording.hpp"
#include "recorder/watched/collector.hpp"
#include "triggers/engine.hpp"

namespace fdr {

struct FinishedDump {
  DumpResult result;
  bool temporary = false;  // of `fdr now`
  std::string rule, reason;  // what fired, and its evidence
  std::vector<std::string> episodes;
  std::vector<FileDescriptor> askers;
};

class DumpControl {
 public:
  // `wake` is written to (an eventfd) when the dumper's thread has finished. `sockets` and `logs` outlive this. `doctor`: doctor.json, of the start.
  DumpControl(const Config& config, std::string name, std::string mode, std::vector<std::string> command, int wake, SocketMetrics& sockets, const LogFollower& logs, std::string doctor);
  ~DumpControl();

  bool busy() const { return dump_ != nullptr; }
  // Busy with a bundle that what happens now can still go into: it is to stay, and its second snapshot is to come. A new
  // firing does not go into the bundle of an episode's end: nobody would look for it there.
  bool takes_more(const DumpTrigger& trigger) const;
  // Takes the first snapshot now. `temporary_directory`: `fdr now`. Must not be busy.
  void begin(Recording& recording, const DumpTrigger& trigger, const std::string& temporary_directory = {});
  // Only where takes_more().
  void merge(const DumpTrigger& trigger, const std::string& said);
  void add_asker(FileDescriptor connection);
  // Takes the second snapshot when `after` is over (or at once when the targets are gone). Once a tick.
  void advance(Recording& recording, const MetricReader& metrics, const HistoryKeeper& history, const Engine& engine, Timestamp now, bool targets_gone);
  // The one that is done, if any.
  std::optional<FinishedDump> collect();

  // The volatile text kept for the next firing; taken anew when older than five seconds.
  void keep_text(const Recording& recording, Timestamp now);
  const TextFiles& kept_text() const { return kept_; }
  Timestamp kept_text_at() const { return kept_at_; }
  // Once a tick. How far the wall clock was set since the last one, where it was.
  std::optional<Duration> add_anchor(Timestamp now);
  // Collectors of the arming and of each hour. Once a tick.
  void advance_collectors(Timestamp now) { collectors_.advance(now); }

 private:
  struct Dump;
  void complete(Recording& recording, const MetricReader& metrics, const HistoryKeeper& history, const Engine& engine, Timestamp now);

  const Config& config_;
  std::string name_, mode_;
  std::vector<std::string> command_;
  int wake_;
  SocketMetrics& sockets_;
  const LogFollower& logs_;
  Collectors collectors_;
  std::unique_ptr<Dump> dump_;
  std::string doctor_;
  TextFiles kept_;
  std::shared_ptr<const SocketSurvey> kept_sockets_;
  Timestamp kept_at_{};
  std::vector<ClockAnchor> anchors_;
  Timestamp anchored_at_{};
  ClockAnchor clock_;  // as it was at the last tick
};

}  // namespace fdr

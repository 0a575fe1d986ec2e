// All metrics of a tick in one row: host, targets, threads, heartbeats, exits and the recorder itself. Session thread only.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/metrics/bystander_cpu.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/metrics/cgroup.hpp"
#include "recorder/metrics/disks.hpp"
#include "recorder/metrics/goroutines.hpp"
#include "recorder/metrics/host.hpp"
#include "recorder/metrics/oom.hpp"
#include "recorder/metrics/process.hpp"
#include "recorder/metrics/progress.hpp"
#include "recorder/metrics/slab.hpp"
#include "recorder/metrics/sockets.hpp"
#include "recorder/metrics/standstill.hpp"
#include "recorder/metrics/syscall_figures.hpp"
#include "recorder/metrics/thread_metrics.hpp"
#include "recorder/recording/recording.hpp"
#include "recorder/watched/watched.hpp"
#include "triggers/heartbeat.hpp"
#include "triggers/metric_past.hpp"

namespace fdr {

class MetricReader {
 public:
  // `sees_calls`: the source records system calls; without them spinning is told by other signs (metrics/progress.hpp).
  MetricReader(const Config& config, bool sees_calls);

  const MetricCatalogue& catalogue() const { return catalogue_; }
  const MetricHistory& history() const { return history_; }
  // Whether the rules of another configuration can be answered by what is read and kept here. Throws Error: which cannot, and why.
  void check_fits(const Config& next) const;
  // The past beyond the window; null where the history is off.
  MetricPast* past() { return past_ ? &*past_ : nullptr; }
  void add_process(std::int32_t pid, std::uint32_t target);
  // A target's first process has ended: a value of the next row only. Of several between two rows the worst counts, a fault before another
  // signal before a code.
  void target_exited(int wait_status);

  void read(const Recording& recording, const Recording::Changes& changes, Heartbeats& beats, const WatchedValues& watched, Duration lateness, Timestamp now);
  // Who it was, for the evidence of a rule: "; thread 'poll' (7) burnt 2.10 s without ..."; empty where `when` names no such event.
  // Of a heartbeat: the peers that have been without one for longest.
  std::string explained(std::string_view when) const;
  // What this host does not tell, said for people.
  std::vector<std::string> notes() const;
  SocketMetrics& sockets() { return sockets_; }
  // Every metric that was ever known within the history, from `begin` on.
  std::vector<MetricSeries> series(Timestamp begin) const;
  // Of these only what has no place in the catalogue: names that came up while recording.
  std::vector<MetricSeries> other_series(Timestamp begin) const;
  // The values of the last tick, by id of the catalogue.
  const std::vector<double>& latest_row() const { return row_; }

 private:
  void set(const char* name, double value);
  void keep_peer_ages(const Heartbeats& beats, Timestamp now);

  MetricCatalogue catalogue_;
  HostMetrics host_;
  DiskMetrics disks_;
  ProcessMetrics processes_;
  ThreadMetrics threads_;
  GoroutineMetrics goroutines_;
  SocketMetrics sockets_;
  SlabMetrics slab_;
  CgroupMetrics cgroup_;
  ThreadProgress progress_;
  OomKills oom_;
  SyscallFigures syscalls_;
  Standstill standstill_;
  BystanderCpu bystanders_;
  std::vector<std::string> beat_names_, log_names_, metric_names_;
  std::map<std::string, std::deque<MetricSeries::Point>> peer_ages_;  // by metric, for as long as the history
  std::vector<Heartbeats::PeerAge> peers_now_;
  std::optional<MetricPast> past_;
  MetricHistory history_;
  std::vector<double> row_;
  std::optional<int> exited_;  // wait status, since the last row
  struct { Timestamp time; double seconds = 0; double percent; } own_cpu_;
  double own_rss_ = 0;
};

}  // namespace fdr

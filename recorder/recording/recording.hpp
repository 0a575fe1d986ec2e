// One running recording: the backend, the process table, the summary and the snapshot buffer, kept in step.
//
// The session calls advance() once a tick; everything else is copied out for the dumper. Session thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/cost/economy.hpp"
#include "recorder/decode/moment_copy.hpp"
#include "recorder/go/go_programs.hpp"
#include "recorder/heap/heap_probes.hpp"
#include "recorder/heap/heap_reading.hpp"
#include "recorder/rows/unwind_tables.hpp"
#include "recorder/sources/backend_choice.hpp"
#include "recorder/targets/lost_ends.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "recorder/window/coverage.hpp"
#include "recorder/window/life_reader.hpp"
#include "recorder/window/snapshot.hpp"
#include "recorder/window/summary_log.hpp"

namespace fdr {

class Recording {
 public:
  // Loads and attaches; nothing is recorded before the first target is added. Throws Error.
  Recording(const Config& config, const std::string& name);

  // Processes that exist now, with their descendants, as targets. Returns those that could be added.
  std::vector<std::int32_t> add_existing(const std::vector<ProcessIdentity>& processes, std::uint32_t target);
  // The same of who comes later, while everything runs. Returns those that were not followed yet. Where it throws Error nothing has changed here.
  std::vector<std::int32_t> adopt(const std::vector<ProcessIdentity>& processes, std::uint32_t target, Timestamp now);
  // `run`: our own child, mute until its execve.
  void add_child(std::int32_t pid);

  struct Changes {
    ProcessTable::Changes processes;
    std::vector<fdr_thread> ended_threads;
  };
  Changes advance(Timestamp now);
  // Brings processes() up to `now`, between two advances: who was born since the last one has records in a snapshot too. The next
  // advance() tells of it.
  void catch_up(Timestamp now);
  // What to poll between two ticks, and what to do where one of it is readable.
  std::vector<int> descriptors() const { return chosen_.source->descriptors(); }
  void readable(int descriptor, bool hung_up, Timestamp now);
  // Reads the syscall sums now; advance() does so once a second.
  void read_summary(Timestamp now);
  // Once a tick, after advance(): detail goes or comes back, to cost what it may. What was changed, in words, where something was.
  std::optional<std::string> economize(bool dumping, Timestamp now) { return economy_.advance(window_, live_slots_, dumping, now); }
  const Economy& economy() const { return economy_; }

  Snapshot& snapshot() { return *snapshot_; }
  // First (empty mark) or second snapshot; `coverage` says what it holds.
  WindowMark take_snapshot(const WindowMark& after, Coverage& coverage);
  MomentCopy copy_moment(Timestamp now) const;
  // Of what samples, stalls, slow and failed calls the rings hold the part since then, in a buffer of its own of at most a sixteenth of
  // the memory.
  Snapshot copy_recent(Timestamp since) const;
  const std::vector<std::uint32_t>& live_slots() const { return live_slots_; }

  WindowView window() const { return window_; }
  const ProcessTable& processes() const { return table_; }
  ProcessTable& processes() { return table_; }
  const SummaryLog& summary() const { return summary_; }
  const EventSource& source() const { return *chosen_.source; }
  // Calls are counted: asked for, and to be had.
  bool sees_calls() const { return !(window_.control->lacks & FDR_LACKS_SUMS); }
  const char* backend() const { return backend_name(window_.control->backend); }
  // One line where it is not the best backend there is: which, and what is lost; empty else.
  const std::string& choice() const { return chosen_.line; }
  // What could not be had, said for people.
  std::vector<std::string> notes() const;
  GoProgramList go_programs() const { return go_.all(); }
  // What the targets hold, and who is probed for it.
  HeapReading heap() const;
  HeapProbes::Report heap_probes() const { return heap_.report(); }
  const UnwindTables::Report& unwinding() const { return unwind_.report(); }
  Timestamp armed_at() const { return armed_at_; }
  const LifeReader& life() const { return life_; }
  // Rings as they are now, without a snapshot.
  RecordedSince known() const;
  std::map<std::string, RingReport> live_reports(Timestamp now) const { return fdr::live_reports(window_, known(), now); }

 private:
  void describe(std::int32_t pid);
  void describe_grown(Timestamp now);
  // Processes that were named to the source as targets: their threads record from now on. Those of which there is none are taken out.
  void arm(std::vector<std::int32_t>& named, std::uint32_t target, Timestamp now);
  void name_builds(std::vector<SideEvent>& side, const std::vector<fdr_life>& life);
  void collect_armed_threads();
  void find_lost_ends(Timestamp now);
  void follow_files(bool changed, Timestamp now);
  bool read_strange_maps(Timestamp now);

  Config config_;
  ChosenBackend chosen_;
  WindowView window_;
  ProcessTable table_;
  LifeReader life_;
  LostEnds lost_ends_;
  std::uint64_t leases_over_ = 0;  // times that nothing was recorded for want of us
  UnwindTables unwind_;
  HeapProbes heap_;
  GoPrograms go_;
  SummaryLog summary_;
  std::unique_ptr<Snapshot> snapshot_;
  MapReader maps_;
  Economy economy_;
  Timestamp armed_at_, last_second_{};
  std::vector<std::uint32_t> live_slots_;
  std::unordered_set<std::uint32_t> adopted_;  // slots, since the last advance()
  std::vector<std::uint32_t> dead_since_second_;
  std::vector<std::pair<Timestamp, std::int32_t>> born_;  // pids, in order of time, to be described once they are a second old
  ProcessTable::Changes caught_up_;
};

}  // namespace fdr

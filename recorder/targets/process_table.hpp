// Who the targets are: processes, threads, their names and their mappings over time. Outlives the rings: a process
// that lived 30 ms inside the window is still nameable, and its stacks can still be walked, at the dump.
//
// Fed by the session from two ordered streams, the life ring and the perf side band; the order between them is restored by time, so both
// are given as events to apply(). A copy is cheap (address spaces are shared until one side changes) and is what the dumper works on.
// What ended longer ago than the window is forgotten by forget(), and the programs that a living process ran before. Bounded by kMaxProcesses:
// past it each new one takes the place of the first that has ended (of the oldest, where none has), which is counted.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/timeline.hpp"
#include "recorder/window/wire.h"
#include "unwind/address_space.hpp"

namespace fdr {

class ByteCursor;
class StateWriter;

// A change that the side band told of (perf MMAP2 and COMM with the exec flag).
struct SideEvent {
  enum Kind { kMap, kExec } kind = kMap;
  Timestamp time;
  std::int32_t pid = 0;
  Mapping mapping;     // kMap
};

struct TrackedProcess {
  Process process;
  // Address spaces in order of time; an exec begins a new one.
  struct Space { Timestamp since; std::shared_ptr<AddressSpace> space; };
  std::vector<Space> spaces;
  std::shared_ptr<AddressSpace> space_at(Timestamp time) const;
};

struct TrackedThread {
  std::uint32_t id = 0;        // wire thread id
  std::uint64_t process = 0;   // key into processes()
  std::int32_t tid = 0;
  std::string name;
  std::optional<Timestamp> started, ended;
  fdr_thread account{};        // as last seen; final once ended
};

struct TargetExit {
  std::int32_t pid = 0;
  std::uint32_t target = 0;
  std::optional<int> wait_status;  // nothing where nobody told it
  Timestamp time;
  double user_s = 0, system_s = 0;
  bool replaced = false;  // its end was lost, and its number is another's by now
};

class ProcessTable {
 public:
  static constexpr std::size_t kMaxProcesses = 65'536;

  explicit ProcessTable(std::vector<std::string> target_names) : target_names_(std::move(target_names)) {}

  // A process that exists at attach; `maps` as of now. Idempotent.
  void add_existing(std::int32_t pid, std::uint32_t target, const std::vector<Mapping>& maps, Timestamp now);
  // A thread slot found in the threads array (attach, or an event that was missed).
  void add_thread(const fdr_thread& thread);

  // Events up to `until`, of both streams in any order; later ones stay pending until the next call. Threads whose end was read are put on
  // `released` (their slots may be used again), ended processes on `exits`, new processes' pids on `started`.
  struct Changes {
    std::vector<std::uint32_t> armed, released;                  // slots
    std::vector<TargetExit> exits;
    std::vector<std::pair<std::int32_t, std::uint32_t>> started;  // pid, target
    std::vector<std::int32_t> execed;
    bool mapped = false;  // something was mapped by one of ours
    void append(Changes more);
  };
  Changes apply(std::vector<fdr_life> life, std::vector<SideEvent> side, Timestamp until, const fdr_thread* threads,
                std::uint32_t thread_count);

  // What /proc said of a live process.
  void describe(std::int32_t pid, std::string executable, std::vector<std::string> command_line);
  // What is over by then; whether a process went, or a program that one ran before: with them files may be needed no more.
  bool forget(Timestamp before);

  const std::vector<LifeEvent>& life() const { return life_; }
  void add_life(LifeEvent event) { life_.push_back(std::move(event)), ++revision_; }

  const std::map<std::uint64_t, TrackedProcess>& processes() const { return processes_; }
  const std::unordered_map<std::uint32_t, TrackedThread>& threads() const { return threads_; }
  std::optional<std::uint64_t> live_process(std::int32_t pid) const;  // key into processes()
  bool known(std::int32_t pid) const { return live_.contains(pid); }
  std::size_t live_count() const { return live_.size(); }
  std::set<std::int32_t> live_pids() const;
  std::uint64_t refused() const { return refused_; }
  std::uint64_t revision() const { return revision_; }  // changes with what save() would write
  const std::vector<std::string>& target_names() const { return target_names_; }

  // All of it, for who reads the window when we have died (saved/saved_processes.cpp): at most about `most` bytes, what lives first, then what
  // ended last. How many ended processes, threads and events found no room. Accounts of threads that live are the window's own.
  std::uint64_t save(StateWriter& to, std::size_t most) const;
  // Nothing where the bytes are not what save() wrote.
  static std::optional<ProcessTable> restore(ByteCursor& from);

 private:
  std::uint64_t begin_process(std::int32_t pid, std::int32_t parent, std::uint64_t start_boottime, std::uint32_t target);
  void on_life(const fdr_life& event, Changes& changes, const fdr_thread* threads, std::uint32_t thread_count);
  bool on_side(const SideEvent& event);

  std::vector<std::string> target_names_;
  std::uint64_t next_key_ = 1;
  std::map<std::uint64_t, TrackedProcess> processes_;                 // by key, in order of appearance
  std::unordered_map<std::int32_t, std::uint64_t> live_;              // pid -> key
  std::unordered_map<std::uint32_t, TrackedThread> threads_;          // by wire id
  std::vector<LifeEvent> life_;
  std::vector<fdr_life> pending_life_;
  std::vector<SideEvent> pending_side_;
  std::uint64_t refused_ = 0, revision_ = 0;
};

}  // namespace fdr

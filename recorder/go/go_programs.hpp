// Which of the targets are Go programs, where each keeps its goroutines and its memory profile, and what both were when it was
// first seen: the start that growth is measured against.
//
// Looking at a program (once at attach, once after each exec; 1 to 20 ms) is done on a thread of its own at low priority, within a
// twentieth of a CPU. A program younger than its own runtime is looked at again each second, a few times. All members are the session
// thread's; programs are immutable, and shared with the dumper.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "formats/clock.hpp"
#include "recorder/targets/process_table.hpp"
#include "unwind/live/go_heap.hpp"
#include "unwind/live/go_runtime.hpp"

namespace fdr {

struct GoProgram {
  std::int32_t pid = 0;
  std::uint32_t target = 0;
  GoRuntime runtime;
  Timestamp seen;                                   // when the two below were read
  std::optional<std::uint64_t> goroutines_at_start;
  HeapProfile heap_at_start;
};
using GoProgramList = std::vector<std::shared_ptr<const GoProgram>>;

class GoPrograms {
 public:
  GoPrograms();
  ~GoPrograms();  // waits for the program being looked at
  GoPrograms(const GoPrograms&) = delete;

  void began(std::int32_t pid, std::uint32_t target);  // a process that exists
  // Once a tick.
  void follow(const ProcessTable::Changes& changes, Timestamp now);
  GoProgramList all() const;
  // Why a program was not looked at, the last time that happened, a sentence; empty: it did not.
  std::string problem() const;

 private:
  struct Job {
    std::int32_t pid = 0;
    std::uint32_t target = 0;
    std::uint64_t number = 0;  // of the asking: an older one's answer is of the program before an exec
  };
  struct Answer {
    Job job;
    std::shared_ptr<const GoProgram> program;  // nullptr: not Go, or gone
    bool not_begun = false;  // or it could not be looked at: another time
    bool locked = false;     // its memory; asked for as long as it lives
  };
  struct Known {
    std::uint32_t target = 0;
    std::uint64_t asked = 0;
    int tries = 0;
    Timestamp again{};  // when to ask once more; Timestamp{}: not at all
    std::shared_ptr<const GoProgram> program;
  };
  void ask(std::int32_t pid, Known& known, Timestamp now);
  void take_answers(Timestamp now);
  void work();
  Answer look(const Job& job);
  void keep(Answer answer, std::string_view problem) noexcept;
  bool known_not_go(const std::string& path);

  // Files without Go in them, by device, inode, size and time: a script starts the same ones again and again. The thread's.
  using FileId = std::array<std::uint64_t, 4>;
  std::set<FileId> not_go_;
  FileId looking_at_{};

  std::map<std::int32_t, Known> known_;
  std::uint64_t asked_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<Job> jobs_;
  std::vector<Answer> answers_;
  std::string problem_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace fdr

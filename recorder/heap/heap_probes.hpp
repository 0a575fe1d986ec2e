// Finds the allocators that the targets map, in those targets that asked for it (heap = true), and has them probed while the processes live.
//
// Looking through a file's symbols takes milliseconds, and the kernel takes its time to remove a probe: both are done by a thread of its own
// at low priority. The session thread says who maps what, once a tick in which that changed. At most kMostProcesses are probed; who is not,
// and who has no allocator that can be found, is told. What is probed ends with this object.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "recorder/heap/allocator_links.hpp"
#include "recorder/targets/held_files.hpp"
#include "recorder/targets/process_table.hpp"

namespace fdr {

class HeapProbes {
 public:
  static constexpr std::size_t kMostProcesses = 256;

  // `targets`: names of those that asked; with none nothing is done, and no thread is started.
  HeapProbes(HeapPrograms programs, std::set<std::string> targets);
  ~HeapProbes();  // waits for the probes to be gone
  HeapProbes(const HeapProbes&) = delete;

  bool wanted() const { return !targets_.empty(); }
  void follow(const ProcessTable& table, const HeldFiles& held);
  // A process that will run a program that maps such a file: probed before it does.
  void expect(std::int32_t pid, const std::string& target, const std::vector<std::string>& paths);
  // Work that can wait, beside the probes: `then` is called on our thread. Not sooner than ten seconds after the last; else it is left out.
  void now_and_then(std::function<void()> then, Timestamp now);
  // Until all that was asked for is done, or for so long.
  void settle(Duration most);

  struct Report {
    Timestamp since{};                     // the first probe; Timestamp{}: there was none yet
    std::size_t processes = 0, functions = 0;  // probed now
    std::set<std::string> files;           // that an allocator was found in
    std::vector<std::string> problems;     // sentences
    double seconds = 0;                    // CPU time
  };
  Report report() const;

 private:
  struct File {
    std::string name, path;  // as the process calls it; where it can be read
    HeldFiles::File held;    // what the path may name
  };
  struct Job {
    std::int32_t pid = 0;
    std::vector<File> files;      // empty: the process is gone
    std::function<void()> then{}; // this instead
  };
  using FileId = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;  // device, inode, size, change
  struct Probed {
    std::set<FileId> files;
    std::vector<FileDescriptor> links;
    std::size_t functions = 0;
    std::string problem;
  };
  struct Asked {
    std::int32_t pid = 0;
    std::size_t mappings = 0;
    Timestamp since{};  // of the address space: an exec begins another
    std::set<Module> modules;
  };

  void ask(Job job);
  void work();
  void look(const Job& job);
  void probe(std::int32_t pid, Probed& process, const File& file);
  const std::vector<AllocatorFunction>& functions_of(const FileId& id, const File& file);

  const HeapPrograms programs_;
  const std::set<std::string> targets_;
  Timestamp then_at_{};
  std::map<std::uint64_t, Asked> asked_;  // by key of the process table
  std::map<FileId, std::vector<AllocatorFunction>> known_;  // the thread's
  std::map<std::int32_t, Probed> probed_;                   // the thread's, told in report_

  mutable std::mutex mutex_;
  std::condition_variable woken_, settled_;
  std::deque<Job> jobs_;
  bool left_out_ = false;                         // processes beyond the most
  std::map<std::int32_t, std::string> problems_;  // of processes that live
  Report report_;
  bool working_ = false, ending_ = false;
  std::thread thread_;
};

// Files of our own process that hold an allocator: what a command that is about to run will most likely map, too.
std::vector<std::string> own_allocators();

}  // namespace fdr

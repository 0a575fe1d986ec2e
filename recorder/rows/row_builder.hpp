// Makes unwind rows of the targets' files on a thread of its own, at low priority: a large file takes 60 ms, in which no tick must wait.
//
// Each file is parsed once, from the first of its sources that can be read and carries the recorded build-id. What it costs is bounded:
// a burst at the start, then a twentieth of a CPU. ask() and collect() are the session thread's; nothing is shared but the two queues.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "formats/clock.hpp"
#include "formats/stacks.hpp"
#include "recorder/targets/held_files.hpp"
#include "unwind/elf_image.hpp"
#include "unwind/module_rows.hpp"

namespace fdr {

struct RowJob {
  Module module;
  std::vector<std::string> sources;  // besides its path
  HeldFiles::File held;              // what the first source may name
};

struct BuiltRows {
  Module module;
  std::string build_id;                      // of the file that was read
  ModuleRows rows;
  std::vector<ElfImage::Segment> segments;   // to find out where in memory a row's pc lies
  std::string problem;                       // the file could not be had; empty where it was
  Duration cost{};                           // CPU time
};

class RowBuilder {
 public:
  RowBuilder();
  ~RowBuilder();  // waits for the file in work
  RowBuilder(const RowBuilder&) = delete;

  void ask(RowJob job);
  std::vector<BuiltRows> collect();  // what is ready; does not wait

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<RowJob> jobs_;
  std::vector<BuiltRows> built_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace fdr

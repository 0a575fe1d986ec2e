// What the program is at, on a terminal, for whatever takes longer than a second: "fdr: looking up names, 3 s", a line that is
// gone when it is done. Nothing where stderr is no terminal. One thread of its own, which only writes that line.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace fdr {

class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void run();

  const std::string what_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace fdr

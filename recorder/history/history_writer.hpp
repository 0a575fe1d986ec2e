// Writes the history on a thread of its own: the tick hands over and never waits for a disk. What the thread cannot keep up with is
// dropped and counted, as is what the disk refuses; the recording goes on. Destruction writes what is left.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "recorder/history/history_file.hpp"

namespace fdr {

class HistoryWriter {
 public:
  // `keep_free_percent` of the disk must stay free.
  HistoryWriter(std::unique_ptr<HistoryFile> file, std::vector<HistoryMetric> table, double keep_free_percent);
  ~HistoryWriter();
  HistoryWriter(const HistoryWriter&) = delete;

  void add(HistoryRing ring, HistoryRows rows);
  void add(std::vector<HistoryMovers> movers);

  struct Count {
    std::uint64_t written_bytes = 0, lost = 0;  // pieces of the history that were not written
    std::string problem;                        // the first one
  };
  Count count() const;

 private:
  struct Rows {
    HistoryRing ring;
    HistoryRows rows;
  };
  using Work = std::variant<Rows, std::vector<HistoryMovers>>;
  void push(Work work);
  void run();
  void write(Work& work);

  std::unique_ptr<HistoryFile> file_;
  const std::vector<HistoryMetric> table_;
  const double keep_free_percent_;
  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Work> waiting_;
  bool ending_ = false;
  Count count_;
  std::thread thread_;
};

}  // namespace fdr

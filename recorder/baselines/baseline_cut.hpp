// Cuts one baseline, on a low-priority thread of its own: decodes what was copied out, keeps what is to be compared by (baselines/
// quiet_slice.hpp), names its functions and writes it as a small bundle. An error is told in the result and never reaches the recording.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "formats/manifest.hpp"
#include "formats/timeline.hpp"
#include "recorder/decode/moment_copy.hpp"
#include "recorder/window/snapshot.hpp"
#include "recorder/window/summary_log.hpp"

namespace fdr {

struct BaselineInput {
  std::string directory, kind;
  double keep_free_percent = 0;       // of the disk
  Manifest manifest;                  // filled but for what decoding finds out
  Timestamp begin;                    // its end is the moment's
  Snapshot recent;
  MomentCopy moment;
  std::vector<SummaryRow> summary;
  std::vector<MetricSeries> metrics;
};

struct BaselineResult {
  std::string path;   // empty: it failed
  std::string error;
  std::uint64_t bytes = 0;
  double cpu_seconds = 0;  // of this thread
};

class BaselineCut {
 public:
  explicit BaselineCut(BaselineInput input);
  ~BaselineCut();  // waits for the thread
  BaselineCut(const BaselineCut&) = delete;

  bool done() const { return done_.load(); }
  const BaselineResult& result() const { return result_; }  // once done

 private:
  void work();
  void cut();

  BaselineInput input_;
  BaselineResult result_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace fdr

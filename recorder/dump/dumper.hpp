// Writes one bundle, on its own low-priority thread, while recording goes on.
//
// Stage one begins at the firing: the first snapshot is decoded at once (stacks walked), so that the buffer is free again; stage two begins
// with complete(): what is newer is decoded, everything is put together and written. An Error ends the dump, is told in the result, and
// never reaches the recording. What it needs of memory at the firing is reserved at the start where its size is known: the snapshot buffer, the
// largest part, is allocated and touched then; what decoding needs is not known before, and a bundle for which it ends is written without what takes
// most of it, or tried again. The session owns the snapshot buffer and must not touch it between start and decoded(), nor after complete().
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "formats/history.hpp"
#include "formats/manifest.hpp"
#include "formats/perfetto_writer.hpp"
#include "recorder/decode/decoder.hpp"
#include "recorder/decode/moment_copy.hpp"
#include "recorder/dump/stepwise_writer.hpp"
#include "recorder/heap/heap_reading.hpp"
#include "recorder/logs/log_follower.hpp"
#include "recorder/system/system_text.hpp"
#include "recorder/watched/collector.hpp"
#include "recorder/window/errno_total.hpp"
#include "recorder/window/snapshot.hpp"
#include "recorder/window/summary_log.hpp"

namespace fdr {

// All that the bundle needs beside the records. The manifest comes filled but for what decoding finds out.
struct DumpRequest {
  BundlePlace place;
  Manifest manifest;
  TraceTrigger trigger;
  Timestamp begin;             // of the window
  Duration open_stall_least{};
  // What may stay in the directory once the bundle is there (bundles/retention.hpp); keep = 0: all.
  struct { unsigned keep = 0; std::uint64_t max_bytes = 0; } retention{};
};

struct DumpRest {
  std::vector<SummaryRow> summary;
  std::vector<ErrnoTotal> errors;
  std::vector<std::pair<fdr_failing_key, fdr_failing>> failing;
  unsigned failing_shift = 0;
  std::vector<std::pair<std::uint32_t, fdr_ticks>> bystander_ticks;
  bool host_tier = false;
  HeapReading heap;
  std::vector<MetricSeries> metrics;
  History history;             // history.fdrh; empty: none
  std::string ledger;          // ledger.ndjson
  TextFiles texts;
  std::string baselines;       // the directory of those that may go into the bundle; empty: none
  Collecting collecting;       // waited for before the bundle is written
  std::vector<LogCopy> logs_at_firing, logs_at_end;
  std::vector<ClockAnchor> anchors;
};

struct DumpResult {
  std::string path;            // empty: it failed
  std::string reduced;         // why the bundle is not full, a sentence
  std::string screen;          // its summary.txt
  std::string error, hint;
  double seconds = 0;          // CPU time of the dumper's thread, and of what was read for it
};

class Dumper {
 public:
  // `done` is called once, on the dumper's thread, when the result can be had.
  Dumper(DumpRequest request, const Snapshot& first, MomentCopy at_firing, std::function<void()> done);
  ~Dumper();  // waits for the thread
  Dumper(const Dumper&) = delete;

  bool decoded() const { return decoded_.load(); }
  // The buffer is overdue: from here on at ordinary priority.
  void hurry();
  // `finish_manifest` fills what depends on the counts (rings, cost).
  void complete(const Snapshot& second, MomentCopy at_end, DumpRest rest,
                std::function<void(Manifest&, const DecodeCounts&, double seconds)> finish_manifest);
  const DumpResult& result() const { return result_; }  // after `done`

 private:
  struct Ending {
    const Snapshot* second;
    MomentCopy moment;
    DumpRest rest;
    std::function<void(Manifest&, const DecodeCounts&, double)> finish_manifest;
    std::set<std::int32_t> ended{};  // pids
  };
  void work();
  void tidy() noexcept;
  void failed(const char* error, const std::string& hint) noexcept;
  void write(Decoder& decoder, ModuleFiles& files, Timeline& timeline, Ending& ending);

  DumpRequest request_;
  const Snapshot& first_;
  MomentCopy at_firing_;
  std::function<void()> done_;
  std::atomic<bool> decoded_ = false;
  std::atomic<int> tid_ = 0;  // of the thread, while it is nice
  std::mutex mutex_;
  std::condition_variable completed_;
  std::optional<Ending> ending_;
  bool abandoned_ = false;
  DumpResult result_;
  std::thread thread_;
};

}  // namespace fdr

// From raw chunks to a Timeline: the dumper's work. Records become calls, samples, stalls; copied stacks are walked; kernel frames named.
//
// Works on copies only (Snapshot, ProcessTable) and on files; the recording goes on meanwhile. Damage in a chunk (a length that cannot be)
// ends that chunk and is counted as torn. One thread (the dumper).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "formats/held.hpp"
#include "formats/timeline.hpp"
#include "recorder/decode/bystanders.hpp"
#include "recorder/heap/heap_reading.hpp"
#include "recorder/targets/process_table.hpp"
#include "recorder/window/decode_counts.hpp"
#include "recorder/window/snapshot.hpp"
#include "unwind/live/kernel_symbols.hpp"
#include "unwind/module_files.hpp"

namespace fdr {

class Decoder {
 public:
  // `begin`: records that ended before it are left out.
  Decoder(Timeline& timeline, ModuleFiles& files, const KernelSymbols& kernel, Timestamp begin);
  ~Decoder();

  // The table must hold every thread of the snapshots decoded after this, and stays as it is as long as it is used; called anew with the table of
  // the second snapshot.
  void use_processes(const ProcessTable& table);
  void decode(const Snapshot& snapshot);
  // Reads the stacks of threads that sleep at the firing, without stopping them, for at most `most`; stalls that began when they went to
  // sleep carry them. First, and as soon after the firing as can be: they may wake.
  void read_sleeping(const std::vector<fdr_thread>& threads, Timestamp now, Duration most);
  // Threads that are off the CPU right now: stalls that are still open, with the stack they left with where it is still parked.
  void decode_open_stalls(const std::vector<fdr_thread>& threads, const std::vector<fdr_parked>& parked, Timestamp now, Duration least);
  // What the targets held when it was read, in the order of time.
  HeldBlocks decode_held(const HeapReading& reading);
  // Fills processes, threads and their accounts, sorts every table by time. Last.
  void finish(Timestamp now);

  const Bystanders& bystanders() const;  // that ended; the dumper knows who lives
  const DecodeCounts& counts() const { return counts_; }
  std::uint32_t process_index(std::uint32_t tgid, Timestamp time);  // kNoIndex where unknown

 private:
  class Impl;
  DecodeCounts counts_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr

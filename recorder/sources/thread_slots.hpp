// Threads of the targets, their slots in the window and the records of their lives, for backends that keep them in user space: what
// bpf/lifecycle.bpf.c is to the programs.
//
// A slot is used again only after release(), when the session has read its thread's end. Events may come late or twice (a record was lost, two
// sources tell of one thread): what is known already is not told again. Session thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "recorder/sources/ring_writer.hpp"

namespace fdr {

class ThreadSlots {
 public:
  explicit ThreadSlots(WindowFile& window);

  // A thread that runs already. `start_boottime` of the thread; 0: not known. Null where no slot is left (counted in control).
  fdr_thread* attach(std::int32_t tid, std::int32_t tgid, std::uint32_t target, std::uint64_t start_boottime, const std::string& comm, std::uint32_t flags, std::uint64_t now_ns);
  // Born of `parent`; null where that is not one of ours.
  fdr_thread* fork(std::int32_t parent, std::int32_t parent_tgid, std::int32_t tid, std::int32_t tgid, std::uint64_t now_ns);
  // Any thread of `tgid` that execs takes its leader's id, and is the last one.
  void exec(std::int32_t tgid, const std::string& comm, const std::string& path, std::uint64_t now_ns);
  // `wait_status` of the process, FDR_EXIT_UNKNOWN where nobody tells. `user_ns`, `system_ns`: of a process's threads together, used with the last.
  struct Times {
    std::uint64_t user_ns = 0, system_ns = 0;
  };
  void exit(std::int32_t tid, std::int32_t wait_status, Times times, std::uint64_t now_ns);
  void rename(std::int32_t tid, const std::string& comm);

  // Its thread's end was read, or found out where no record of it came.
  void release(std::uint32_t slot);
  fdr_thread* find(std::int32_t tid);
  std::vector<std::int32_t> live_tids() const;
  // Of each process, its live threads.
  const std::map<std::int32_t, std::vector<std::int32_t>>& processes() const { return processes_; }
  RingWriter& rings() { return rings_; }

 private:
  // True where it was the last thread of its process.
  bool forget(const fdr_thread& thread);
  void tell(fdr_life_kind kind, fdr_life event, const fdr_thread& thread, std::uint64_t now_ns);

  WindowArrays arrays_;
  RingWriter rings_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::int32_t, std::uint32_t> slots_;        // tid -> slot, of the living
  std::map<std::int32_t, std::vector<std::int32_t>> processes_;  // tgid -> tids
};

}  // namespace fdr

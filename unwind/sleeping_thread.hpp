// The stack of a thread that sleeps, read from outside without stopping it: where it sleeps from /proc/PID/task/TID/syscall, its memory
// with process_vm_readv(2). Both need what ptrace(2) needs (the same user, or CAP_SYS_PTRACE), and neither makes a system call of the
// thread return. rbp is not told: a frame that keeps its CFA there ends the walk, unless one further in has saved it. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace fdr {

// Where a thread left user space. Nothing while it runs, once it is gone, or where it may not be read.
struct SleepingPlace {
  std::uint64_t sp = 0, ip = 0;
  std::int32_t syscall = -1;  // the call it sleeps in; -1: none
  bool operator==(const SleepingPlace&) const = default;
};
std::optional<SleepingPlace> sleeping_place(std::int32_t pid, std::int32_t tid);

// Words of another process, page by page as they are asked for, at most kMaxPages: a page that is swapped out would be read in, in the
// midst of an incident (recording-rules 15). A functor for a WordReader.
class RemoteWords {
 public:
  static constexpr std::size_t kMaxPages = 16;

  explicit RemoteWords(std::int32_t pid) : pid_(pid) {}
  bool operator()(std::uint64_t address, std::uint64_t* word);

 private:
  std::int32_t pid_;
  std::map<std::uint64_t, std::vector<std::uint8_t>> pages_;  // by number; empty: not to be had
};

}  // namespace fdr

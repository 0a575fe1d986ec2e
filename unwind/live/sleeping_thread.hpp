// The stack of a thread that sleeps, read from outside without stopping it: where it sleeps from /proc/PID/task/TID/syscall, its memory
// with process_vm_readv(2). Both need what ptrace(2) needs (the same user, or CAP_SYS_PTRACE), and neither makes a system call of the
// thread return. rbp is not told: a frame that keeps its CFA there ends the walk, unless one further in has saved it. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace fdr {

// Where a thread left user space. Nothing while it runs, once it is gone, or where it may not be read.
struct SleepingPlace {
  std::uint64_t sp = 0, ip = 0;
  std::int32_t syscall = -1;  // the call it sleeps in; -1: none
  bool operator==(const SleepingPlace&) const = default;
};
std::optional<SleepingPlace> sleeping_place(std::int32_t pid, std::int32_t tid);

// These pages of another process (by number), each kPageBytes or empty: swapped out, where a read would bring it in in the midst of an incident,
// or not to be had. Waits for whoever holds the process's mmap lock: not for a thread that must not.
std::vector<std::vector<std::uint8_t>> read_pages(std::int32_t pid, std::span<const std::uint64_t> pages);

// Words of another process, for a WordReader: of the pages that were given, at most kMaxPages. The walk stops at the first page that was not;
// it is then wanted(), and with it the walk can be made again and come further. So who reads the pages need not be who walks.
class RemoteWords {
 public:
  static constexpr std::size_t kMaxPages = 16;

  bool operator()(std::uint64_t address, std::uint64_t* word);
  // By number; nothing where the walk went as far as it can.
  std::optional<std::uint64_t> wanted() const { return wanted_; }
  void give(std::uint64_t page, std::vector<std::uint8_t> bytes);  // empty: not to be had

 private:
  std::map<std::uint64_t, std::vector<std::uint8_t>> pages_;  // by number
  std::optional<std::uint64_t> wanted_;
};

}  // namespace fdr

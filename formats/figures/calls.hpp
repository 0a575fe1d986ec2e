// System calls counted: the table that `strace -c` would print, and failures grouped by what failed. Exact sums of the
// window where the recording has them; with a thread filter, or without sums, counted from the calls that were kept
// (then `from_ring` is set).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/figures/view.hpp"

namespace fdr {

struct SyscallRow {
  std::string name;
  std::uint64_t calls = 0, errors = 0;
  Duration wall{}, cpu{}, max{};
};

struct SyscallTable {
  std::vector<SyscallRow> rows;  // by CPU time, then wall time
  std::uint64_t calls = 0, errors = 0;
  Duration wall{}, cpu{};
  bool from_ring = false;
};

SyscallTable count_syscalls(const View& view);

struct FailedRow {
  std::string name, error, path, process;
  std::uint64_t calls = 0;  // kept with their details; failures are rate-limited in the kernel
  Timestamp first, last;
  StackId stack = kNoStack;  // of the newest that has one
};

// By (process name, call, errno, path), most frequent first.
std::vector<FailedRow> group_failed(const View& view);

// Who made the process fail so: "xargs < check-backends < sh", the parent first; empty where not known.
std::string on_behalf_of(const FailedSum& sum);

struct ErrorRow {
  std::string name, error;
  std::uint64_t count = 0;
};

// By (call, errno) over the whole recording, exact, the quiet ones (EAGAIN, timeouts) too; most frequent first.
std::vector<ErrorRow> count_errors(const View& view);

// "0", "-1 ENOENT", "12".
std::string result_text(std::int64_t result);

}  // namespace fdr

// One process of a target's tree: its files in /proc, what was read last, and from where its counters count. One
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "recorder/metrics/proc_file.hpp"
#include "recorder/metrics/process.hpp"
#include "recorder/targets/process_text.hpp"

namespace fdr {

// What only grows, added up over the living and the dead of a tree.
struct ProcessCounters {
  enum Index { kUser, kSystem, kMinorFaults, kMajorFaults, kVoluntary, kInvoluntary, kCount };
  std::array<double, kCount> value{};

  void add(const ProcessCounters& other) {
    for (std::size_t i = 0; i < kCount; ++i) value[i] += other.value[i];
  }
};

// How processes are read: the same for all of them.
struct ProcessReadContext {
  std::string root;  // "/proc"
  long ticks_per_second = 100, page_size = 4096;
  bool sized_descriptors = false;  // the size of /proc/PID/fd is the number of descriptors (6.2); else they are counted
  std::string buffer;
  Timestamp now{};
};

class ProcessMember {
 public:
  enum class Outcome { kRead, kGone, kUnreadable };

  // `known_uptime_s` is the uptime at the last tick before it became a member, NaN where there was none: a process that
  // started later than that was born as a member, and all it ever used counts.
  ProcessMember(std::int32_t pid, std::size_t target, double known_uptime_s);

  Outcome read(ProcessReadContext& context, bool keep_open);
  // The final CPU times, where they are known.
  void finish(double user_s, double system_s, Timestamp now);

  std::size_t target() const { return target_; }
  bool newborn() const { return newborn_; }  // as far as is known: an unread one that may have existed before is not
  bool was_read() const { return was_read_; }
  bool alive() const { return !gone_ && (!was_read_ || (stat_.state != 'Z' && stat_.state != 'X')); }
  bool gone() const { return gone_; }
  bool keeps_open() const { return directory_.valid(); }

  // Since it is a member.
  ProcessCounters counted() const;
  const ProcStat& stat() const { return stat_; }
  const ProcMemory& memory() const { return memory_; }
  double descriptors() const { return descriptors_; }

 private:
  bool open(const ProcessReadContext& context);
  void close();
  Outcome failed(int error);
  double count_descriptors(const ProcessReadContext& context);

  std::int32_t pid_;
  std::size_t target_;
  double known_uptime_s_;
  FileDescriptor directory_;
  ProcFile stat_file_, status_file_;
  bool newborn_, was_read_ = false, gone_ = false;
  int readings_ = 0;
  Timestamp read_at_{};
  ProcStat stat_;
  std::size_t stat_hash_ = 0;  // of its text, when the status was read
  ProcMemory memory_;
  double descriptors_ = std::numeric_limits<double>::quiet_NaN();
  ProcessCounters base_, last_;
};

}  // namespace fdr

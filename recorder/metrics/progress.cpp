#include "recorder/metrics/progress.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>

#include <cstring>
#include <limits>

#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kSecond = std::chrono::seconds(1);
constexpr std::uint32_t kUninterruptible = 2, kNoLoad = 0x400;  // include/linux/sched.h; TASK_IDLE is both

std::string name_of(const fdr_thread& thread) { return printable(std::string(thread.comm, strnlen(thread.comm, sizeof thread.comm))); }

// A parent waits uninterruptibly until its child has called execve: it is meant to.
bool waits_for_child(const fdr_thread& thread) {
  return thread.flags & FDR_THREAD_IN_CALL && (thread.nr == SYS_vfork || thread.nr == SYS_clone || thread.nr == SYS_clone3);
}

struct Stop {
  std::uint64_t since_ns = 0;  // 0: it gets on
  const char* how = "";
};

Stop stop_of(const fdr_thread& thread) {
  const std::uint64_t out = thread.out_ns, reclaim = thread.reclaim_ns, compact = thread.compact_ns;
  if (reclaim) return {reclaim, "frees memory for itself (reclaim)"};
  if (compact) return {compact, "moves memory about (compaction)"};
  if (!out) return {};
  if (thread.out_state == 0) return {out, "can run and is given no CPU"};
  if (thread.out_state == FDR_STATE_THROTTLED) return {out, "can run and its group's quota has run out"};
  if (thread.out_state & kUninterruptible && !(thread.out_state & kNoLoad) && !waits_for_child(thread)) return {out, "waits uninterruptibly"};
  return {};
}

bool names(std::string_view when, std::string_view event) {
  const auto part_of_name = [](char c) { return c == '_' || c == '.' || c == '[' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (std::size_t at = when.find(event); at != std::string_view::npos; at = when.find(event, at + 1)) {
    const std::size_t end = at + event.size();
    if ((at == 0 || !part_of_name(when[at - 1])) && (end == when.size() || !part_of_name(when[end]))) return true;
  }
  return false;
}

}  // namespace

ThreadProgress::ThreadProgress(const MetricCatalogue& catalogue, bool calls_are_counted)
    : spin_id_(catalogue.find("spin")), stall_id_(catalogue.find("stall")), calls_are_counted_(calls_are_counted) {}

void ThreadProgress::look(const fdr_thread* threads, std::span<const std::uint32_t> live, Timestamp now) {
  spin_.reset();
  stall_.reset();
  const auto now_ns = static_cast<std::uint64_t>(to_ns(now));
  Longest spin, stall;
  const fdr_thread *spinner = nullptr, *stopped = nullptr;
  for (const std::uint32_t slot : live) {
    const fdr_thread& thread = threads[slot];
    if (thread.flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED)) continue;
    if (slot >= runs_.size()) runs_.resize(slot + 1);
    Run& run = runs_[slot];
    const std::uint64_t cpu = thread.cpu_ns;
    if (run.id != thread.id || run.calls != thread.calls || run.voluntary != thread.voluntary || thread.flags & FDR_THREAD_IN_CALL || cpu < run.cpu_ns)
      run = {thread.id, thread.calls, thread.voluntary, cpu};
    const double burnt = static_cast<double>(cpu - run.cpu_ns) * 1e-9;
    if (burnt > spin.seconds) {
      spin.seconds = burnt;
      spinner = &thread;
    }
    const Stop stop = stop_of(thread);
    if (stop.since_ns == 0 || stop.since_ns >= now_ns) continue;
    const double stood = static_cast<double>(now_ns - stop.since_ns) * 1e-9;
    if (stood > stall.seconds) {
      stall.seconds = stood;
      stall.how = stop.how;
      stopped = &thread;
    }
  }
  if (live.empty()) return;
  if (spinner) {
    spin.tid = static_cast<std::int32_t>(spinner->tid);
    spin.thread = name_of(*spinner);
  }
  if (stopped) {
    stall.tid = static_cast<std::int32_t>(stopped->tid);
    stall.thread = name_of(*stopped);
  }
  if (calls_are_counted_) spin_ = std::move(spin);
  stall_ = std::move(stall);
}

void ThreadProgress::read(const fdr_thread* threads, std::span<const std::uint32_t> live, Timestamp now, std::span<double> row) {
  if (live.size() <= kEachTick || last_ == Timestamp{} || now - last_ >= kSecond) {
    last_ = now;
    look(threads, live, now);
  }
  if (spin_id_) row[*spin_id_] = spin_ ? spin_->seconds : kUnknown;
  if (stall_id_) row[*stall_id_] = stall_ ? stall_->seconds : kUnknown;
}

std::string ThreadProgress::explained(std::string_view when) const {
  std::string text;
  if (names(when, "spin") && spin_ && spin_->tid)
    text += fmt::format("; thread '{}' (tid {}) burnt {:.2f} s of CPU without a wait, system calls meanwhile: 0", spin_->thread, spin_->tid, spin_->seconds);
  if (names(when, "stall") && stall_ && stall_->tid)
    text += fmt::format("; thread '{}' (tid {}) {} since {:.2f} s", stall_->thread, stall_->tid, stall_->how, stall_->seconds);
  return text;
}

}  // namespace fdr

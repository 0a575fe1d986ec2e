#include "recorder/metrics/process_member.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <functional>
#include <limits>

namespace fdr {
namespace {

// Start times are in ticks of 10 ms, and uptime was read a moment after the tick began.
constexpr double kStartTolerance_s = 0.05;
// Counting descriptors costs a look at a directory, or where that does not tell its size a walk through it: each that many readings.
constexpr int kSizeEvery = 3, kCountEvery = 10;
// Who has not run, and lost no page, since the last reading has the same status: looked at again each that many readings, for its switches.
constexpr int kStatusEvery = 5;
// Up to so much CPU time both accounts of it say the same, near enough.
constexpr double kTogether_s = 60;

}  // namespace

ProcessMember::ProcessMember(std::int32_t pid, std::size_t target, double known_uptime_s)
    : pid_(pid), target_(target), known_uptime_s_(known_uptime_s), newborn_(!std::isnan(known_uptime_s)) {}

bool ProcessMember::open(const ProcessReadContext& context) {
  const std::string path = context.root + "/" + std::to_string(pid_);
  directory_ = FileDescriptor(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory_.valid()) return false;
  stat_file_ = ProcFile(directory_, "stat");
  status_file_ = ProcFile(directory_, "status");
  if (stat_file_.is_open() && status_file_.is_open()) return true;
  const int error = stat_file_.is_open() ? status_file_.error() : stat_file_.error();
  close();
  errno = error;
  return false;
}

void ProcessMember::close() {
  directory_ = FileDescriptor();
  stat_file_ = ProcFile();
  status_file_ = ProcFile();
}

// Only these say that it is gone; no descriptors left or no permission do not.
ProcessMember::Outcome ProcessMember::failed(int error) {
  if (error != ENOENT && error != ESRCH && error != 0) {
    close();
    return Outcome::kUnreadable;
  }
  close();
  gone_ = true;
  return Outcome::kGone;
}

ProcessMember::Outcome ProcessMember::read(ProcessReadContext& context, bool keep_open) {
  if (!directory_.valid() && !open(context)) return failed(errno);
  const auto stat_text = stat_file_.read(context.buffer);
  if (!stat_text) return failed(stat_file_.error());
  auto stat = parse_pid_stat(*stat_text, context.ticks_per_second, context.page_size);
  if (!stat) return failed(stat_text->empty() ? 0 : EINVAL);
  // The same pid, opened anew: another process.
  if (was_read_ && stat->start_ticks != stat_.start_ticks) return failed(0);
  const std::size_t stat_hash = std::hash<std::string_view>{}(*stat_text);
  const bool rests = was_read_ && stat_hash == stat_hash_ && readings_ % kStatusEvery != 0;
  if (!rests) {
    stat_hash_ = stat_hash;
    const auto status_text = status_file_.read(context.buffer);
    if (!status_text) return failed(status_file_.error());
    const auto memory = parse_pid_status(*status_text);
    if (!memory) return failed(status_text->empty() ? 0 : EINVAL);
    memory_ = *memory;
  }

  stat_ = std::move(*stat);
  last_.value = {stat_.user_s,
                 stat_.system_s,
                 static_cast<double>(stat_.minor_faults),
                 static_cast<double>(stat_.major_faults),
                 static_cast<double>(memory_.voluntary),
                 static_cast<double>(memory_.involuntary)};
  if (readings_ % (context.sized_descriptors ? kSizeEvery : kCountEvery) == 0) descriptors_ = count_descriptors(context);
  ++readings_;
  read_at_ = context.now;
  if (!was_read_) {
    const double started_s = static_cast<double>(stat_.start_ticks) / static_cast<double>(context.ticks_per_second);
    newborn_ = !std::isnan(known_uptime_s_) && started_s >= known_uptime_s_ - kStartTolerance_s;
    if (!newborn_) base_ = last_;
    was_read_ = true;
  }
  if (!keep_open) close();
  return Outcome::kRead;
}

double ProcessMember::count_descriptors(const ProcessReadContext& context) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  if (context.sized_descriptors) {
    struct stat status {};
    if (::fstatat(directory_.get(), "fd", &status, 0) != 0) return kUnknown;
    return static_cast<double>(status.st_size);
  }
  const int fd = ::openat(directory_.get(), "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return kUnknown;
  DIR* const directory = ::fdopendir(fd);
  if (!directory) {
    ::close(fd);
    return kUnknown;
  }
  double count = 0;
  while (const dirent* entry = ::readdir(directory)) count += entry->d_name[0] != '.';
  ::closedir(directory);
  return count;
}

void ProcessMember::finish(double user_s, double system_s, Timestamp now) {
  // An old process that was never read has no point to count from.
  if (!was_read_ && !newborn_) return;
  double &user = last_.value[ProcessCounters::kUser], &system = last_.value[ProcessCounters::kSystem];
  double more_user = std::max(user_s - user, 0.0), more_system = std::max(system_s - system, 0.0);
  // What is told at the end was counted by the ticks of the clock, what /proc says is scaled to the time it really ran (cputime_adjust in
  // kernel/sched/cputime.c): after hours they are seconds apart. It did not run for longer than there was time for the threads it had.
  const bool apart = was_read_ && user + system > kTogether_s;
  const double most = apart ? to_seconds(now - read_at_) * std::max(stat_.threads, 1) : std::numeric_limits<double>::infinity();
  if (const double more = more_user + more_system; more > most) more_user *= most / more, more_system *= most / more;
  user += more_user;
  system += more_system;
}

ProcessCounters ProcessMember::counted() const {
  ProcessCounters counted;
  for (std::size_t i = 0; i < ProcessCounters::kCount; ++i)
    counted.value[i] = std::max(last_.value[i] - base_.value[i], 0.0);
  return counted;
}

}  // namespace fdr

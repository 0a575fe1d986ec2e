#include "recorder/system/raised_tick.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace fdr {
namespace {

constexpr int kPriority = 1, kNicest = -20;

std::atomic<bool> lowered = false;
std::atomic<pid_t> raised_thread = 0;  // the signal is the process's: any thread may be the one that takes it

// SIGXCPU: the soft limit of RLIMIT_RTTIME is reached. System calls only.
void lower(int) {
  const int before = errno;
  const sched_param none{};
  ::syscall(SYS_sched_setscheduler, raised_thread.load(std::memory_order_relaxed), SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
  lowered.store(true, std::memory_order_relaxed);
  errno = before;
}

}  // namespace

RaisedTick::RaisedTick() {
  raised_thread = ::gettid();
  // The handler first: without it SIGXCPU ends the process.
  struct sigaction action {};
  action.sa_handler = lower;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (::sigaction(SIGXCPU, &action, nullptr) == 0 && realtime()) {
    kind_ = Kind::kRealtime;
    return;
  }
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
  if (::setpriority(PRIO_PROCESS, 0, kNicest) == 0) kind_ = Kind::kNice;
}

// Never without its bound. Set each time: the kernel adds a second to the limit that was reached (check_thread_timers() in
// kernel/time/posix-cpu-timers.c).
bool RaisedTick::realtime() {
  rlimit limit{};
  const auto longest = static_cast<rlim_t>(std::chrono::duration_cast<std::chrono::microseconds>(kLongest).count());
  if (::getrlimit(RLIMIT_RTTIME, &limit) || limit.rlim_max <= longest) return false;
  limit.rlim_cur = longest;
  const sched_param priority{.sched_priority = kPriority};
  return ::setrlimit(RLIMIT_RTTIME, &limit) == 0 && ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority) == 0;
}

void RaisedTick::begin() {
  if (kind_ == Kind::kRealtime && lowered.exchange(false, std::memory_order_relaxed)) realtime();
}

}  // namespace fdr

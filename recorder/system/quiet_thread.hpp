// A thread that no signal comes to, of a name of its own (`top -H`, at most 15 letters). Signals are the session's, which reads them from a
// descriptor: one that came to a thread that does not block it would end the recorder instead. Throws std::system_error where there is no thread to
// be had; the caller's own mask stays as it was.
#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <thread>
#include <utility>

namespace fdr {

// `nice`: how far it stands back behind the targets; 0: as urgent as its creator.
template <class Work>
std::thread quiet_thread(const char* name, int nice, Work work) {
  struct Blocked {
    sigset_t before;
    Blocked() {
      sigset_t all;
      ::sigfillset(&all);
      ::pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~Blocked() { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); }
  } const blocked;
  return std::thread([name, nice, work = std::move(work)]() mutable {
    ::prctl(PR_SET_NAME, name);
    if (nice > 0) ::setpriority(PRIO_PROCESS, 0, nice);  // 0 is this thread, not the process (sys_setpriority in kernel/sys.c)
    work();
  });
}

}  // namespace fdr

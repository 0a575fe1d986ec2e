// A thread that no signal comes to. They are the session's, which reads them from a descriptor: one that came to a thread that does not block
// it would end the recorder instead. Throws std::system_error where there is no thread to be had; the caller's own mask stays as it was.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace fdr {

template <class Work>
std::thread quiet_thread(Work work) {
  struct Blocked {
    sigset_t before;
    Blocked() {
      sigset_t all;
      ::sigfillset(&all);
      ::pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~Blocked() { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); }
  } const blocked;
  return std::thread(std::move(work));
}

}  // namespace fdr

#include "unwind/cut_file.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace fdr {
namespace {

constexpr std::uintptr_t kPage = 4096;

// BUS_ADRERR: the page lies beyond the file's end (filemap_fault() in mm/filemap.c). System calls only.
void fill_with_zeros(int, siginfo_t* info, void*) {
  const int before = errno;
  void* const page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(info->si_addr) & ~(kPage - 1));
  const bool filled = info->si_code == BUS_ADRERR && ::mmap(page, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
  if (!filled) {
    ::signal(SIGBUS, SIG_DFL);
    if (info->si_code <= 0) ::raise(SIGBUS);  // sent by somebody; else the look is made again
  }
  errno = before;
}

}  // namespace

void survive_cut_files() {
  struct sigaction action {};
  action.sa_sigaction = fill_with_zeros;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace fdr

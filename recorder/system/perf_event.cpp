#include "recorder/system/perf_event.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "recorder/system/own_privileges.hpp"

namespace fdr {

FileDescriptor open_perf_event(perf_event_attr attr, std::int32_t pid, int cpu) {
  const auto open = [&] { return static_cast<int>(::syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC)); };
  FileDescriptor event(open());
  if (event.valid() || errno != EACCES) return event;
  int error = 0;
  {
    const RaisedAdmin admin;
    event = FileDescriptor(open());
    error = errno;
  }
  errno = error;  // not of the capability that was put aside again
  return event;
}

}  // namespace fdr

// As many descriptors as we may have. A window takes some for each CPU, each process and each file that is held for its symbols: on a host of
// a hundred CPUs more than the 1024 that a service begins with. Before threads are started; children forked later have it, too.
#pragma once

#include <sys/resource.h>

namespace fdr {

inline void raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace fdr

// As many descriptors as we may have, up to `most`. A window takes some for each CPU, each process and each file that is held for its symbols: on a
// host of a hundred CPUs more than the 1024 that a service begins with; backend perf some for each thread. Before threads are started. Children that
// are forked later have it, too, and some close all they might have: not a billion.
#pragma once

#include <sys/resource.h>

#include <algorithm>

namespace fdr {

inline void raise_open_files(rlim_t most = 1u << 16) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, most));
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace fdr

// Starting a program of the user's apart from us: no shell, a process group of its own, signals as usual, "/" as its directory, no
// descriptor of ours but the three given, an environment of PATH, LANG and what is added.
//
// With posix_spawn, which shares the memory until the execve: a fork would copy the page tables of the window with the
// address space locked against the session's thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace fdr {

struct SpawnDescriptors {
  int input;  // -1: /dev/null
  int output, errors;
};

// Where programs are looked for.
extern const char* const kSpawnPath;

// 0 and `pid`, or an errno. `environment`: "NAME=VALUE" each.
int spawn_apart(const std::string& path, const std::vector<std::string>& command, const SpawnDescriptors& descriptors,
                const std::vector<std::string>& environment, pid_t& pid);

}  // namespace fdr

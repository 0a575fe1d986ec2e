#include "recorder/sources/syscall_traits.hpp"

#include "formats/syscall_names.hpp"

namespace fdr {
namespace {

struct Trait {
  const char* name;
  std::uint8_t bits;
};

constexpr std::uint8_t path_in(unsigned argument) { return static_cast<std::uint8_t>(argument + 1); }

// A call that waits by nature is never "slow"; one on a descriptor may wait as well as work.
constexpr Trait kTraits[] = {
    {"open", path_in(0)},       {"stat", path_in(0)},       {"lstat", path_in(0)},      {"access", path_in(0)},
    {"execve", path_in(0)},     {"chdir", path_in(0)},      {"rename", path_in(0)},     {"mkdir", path_in(0)},
    {"rmdir", path_in(0)},      {"creat", path_in(0)},      {"link", path_in(0)},       {"unlink", path_in(0)},
    {"symlink", path_in(0)},    {"readlink", path_in(0)},   {"chmod", path_in(0)},      {"chown", path_in(0)},
    {"truncate", path_in(0)},   {"statfs", path_in(0)},     {"mount", path_in(1)},      {"umount2", path_in(0)},
    {"openat", path_in(1)},     {"openat2", path_in(1)},    {"newfstatat", path_in(1)}, {"statx", path_in(1)},
    {"faccessat", path_in(1)},  {"faccessat2", path_in(1)}, {"readlinkat", path_in(1)}, {"unlinkat", path_in(1)},
    {"mkdirat", path_in(1)},    {"renameat", path_in(1)},   {"renameat2", path_in(1)},  {"linkat", path_in(1)},
    {"symlinkat", path_in(0)},  {"execveat", path_in(1)},   {"getxattr", path_in(0)},   {"lgetxattr", path_in(0)},
    {"inotify_add_watch", path_in(1)},

    {"write", FDR_TRAIT_FD},    {"pwrite64", FDR_TRAIT_FD}, {"writev", FDR_TRAIT_FD},   {"pread64", FDR_TRAIT_FD},
    {"fsync", FDR_TRAIT_FD},    {"fdatasync", FDR_TRAIT_FD}, {"ftruncate", FDR_TRAIT_FD}, {"fallocate", FDR_TRAIT_FD},
    {"close", FDR_TRAIT_FD},    {"fstat", FDR_TRAIT_FD},    {"ioctl", FDR_TRAIT_FD},    {"lseek", FDR_TRAIT_FD},
    {"sendto", FDR_TRAIT_FD},   {"sendmsg", FDR_TRAIT_FD},  {"sendmmsg", FDR_TRAIT_FD}, {"connect", FDR_TRAIT_FD},
    {"bind", FDR_TRAIT_FD},     {"listen", FDR_TRAIT_FD},   {"shutdown", FDR_TRAIT_FD}, {"getdents64", FDR_TRAIT_FD},
    {"fcntl", FDR_TRAIT_FD},    {"flock", FDR_TRAIT_FD},    {"sendfile", FDR_TRAIT_FD},

    {"read", FDR_TRAIT_FD | FDR_TRAIT_WAITS},      {"readv", FDR_TRAIT_FD | FDR_TRAIT_WAITS},
    {"recvfrom", FDR_TRAIT_FD | FDR_TRAIT_WAITS},  {"recvmsg", FDR_TRAIT_FD | FDR_TRAIT_WAITS},
    {"recvmmsg", FDR_TRAIT_FD | FDR_TRAIT_WAITS},  {"accept", FDR_TRAIT_FD | FDR_TRAIT_WAITS},
    {"accept4", FDR_TRAIT_FD | FDR_TRAIT_WAITS},   {"epoll_wait", FDR_TRAIT_WAITS},
    {"epoll_pwait", FDR_TRAIT_WAITS},              {"epoll_pwait2", FDR_TRAIT_WAITS},
    {"poll", FDR_TRAIT_WAITS},                     {"ppoll", FDR_TRAIT_WAITS},
    {"select", FDR_TRAIT_WAITS},                   {"pselect6", FDR_TRAIT_WAITS},
    {"nanosleep", FDR_TRAIT_WAITS},                {"clock_nanosleep", FDR_TRAIT_WAITS},
    {"futex", FDR_TRAIT_WAITS},                    {"wait4", FDR_TRAIT_WAITS},
    {"waitid", FDR_TRAIT_WAITS},                   {"pause", FDR_TRAIT_WAITS},
    {"rt_sigsuspend", FDR_TRAIT_WAITS},            {"rt_sigtimedwait", FDR_TRAIT_WAITS},
    {"io_getevents", FDR_TRAIT_WAITS},             {"io_uring_enter", FDR_TRAIT_WAITS},
    {"restart_syscall", FDR_TRAIT_WAITS},          {"vfork", FDR_TRAIT_WAITS},
};

}  // namespace

std::array<std::uint8_t, FDR_SYSCALLS_MAX> syscall_traits() {
  std::array<std::uint8_t, FDR_SYSCALLS_MAX> table{};
  for (const Trait& trait : kTraits)
    if (const auto number = syscall_number(trait.name); number && *number < table.size()) table[*number] = trait.bits;
  return table;
}

}  // namespace fdr

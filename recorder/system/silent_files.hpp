// Files of a file system that does not answer. A server of NFS, SMB or FUSE that is gone makes whoever touches a file of it wait for as long as
// it is: a program that is run from there must not hold up our ticks, its bundle or our end.
//
// So a file is asked for before it is touched, with patience (patience.hpp): that it can be found, and what its file system says of itself,
// for which statfs(2) goes to the server, where a file's own attributes may be remembered. What the kernel has of disks and memory is asked once,
// any other anew, or where many files are looked at once a second: a server that goes in the moment after its answer is still waited for. Any
// thread.
#pragma once

#include <cstdint>
#include <string>

namespace fdr {

inline constexpr const char* kSilent = "its file system does not answer";

// Whether `path` may be touched; true also where there is nothing. While one file of a file system is waited for none of it is touched, without
// another wait.
bool answers(const std::string& path);
// The same of one file of many, whose device is known as /proc/PID/maps has it (major << 32 | minor; 0: not known): an answer
// counts for a second.
bool answers_on(std::uint64_t device, const std::string& path);

}  // namespace fdr

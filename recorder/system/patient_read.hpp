// Files of /proc/PID that show its memory: maps, cmdline, environ. The kernel takes the process's mmap lock for them, and who maps a file of
// a server that does not answer holds that lock for as long: a read of ours would wait with it. So it is made with patience (patience.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace fdr {

// `name`: of a file of /proc/PID. Nothing where it cannot be read, or not in time; at most `most` bytes. Any thread.
std::optional<std::string> read_patiently(std::int32_t pid, const char* name, std::size_t most);

}  // namespace fdr

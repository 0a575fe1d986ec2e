// Files of /proc/PID that show its memory: maps, cmdline, environ. The kernel takes the process's mmap lock for them, and who maps a file of
// a server that does not answer holds that lock for as long: a read of ours would wait with it, in the middle of a tick or of a dump.
//
// So they are read by a thread of the caller's own, which runs as urgently as the caller, and is waited for half a second. One that is not
// back by then is left behind with all that it needs; until it comes back its process is not asked again by anybody. Where there is no thread
// to be had the caller reads for itself. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace fdr {

// `name`: of a file of /proc/PID. Nothing where it cannot be read, or not in time; at most `most` bytes.
std::optional<std::string> read_patiently(std::int32_t pid, const char* name, std::size_t most);

// Processes whose memory is still waited for by who was left behind.
std::set<std::int32_t> withholding();

}  // namespace fdr

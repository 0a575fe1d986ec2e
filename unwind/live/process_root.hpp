// A file as a process sees it, by its own root directory: links on the way end inside that root, whoever made them (openat2(2),
// RESOLVE_IN_ROOT, Linux 5.6). Through "/proc/PID/root/..." as a path an absolute link would lead to a file of ours. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "formats/file_descriptor.hpp"

namespace fdr {

// O_PATH: names the file and opens nothing, be it a FIFO or a device. Not valid with errno set.
FileDescriptor find_in_root(std::int32_t pid, const std::string& path);
// Where it can be opened from, while the descriptor is held.
std::string path_of(const FileDescriptor& file);

}  // namespace fdr

// How much of the disk below a directory may be written to, also where the directory is still to be made. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fdr {

struct DiskRoom {
  std::string place;             // the nearest directory that is there
  double free_percent = 100;     // for who is not root
  std::uint64_t free = 0, all = 0;  // bytes; free for who is not root
};

// Nothing where the file system does not count: none to run out of.
std::optional<DiskRoom> disk_room(const std::string& directory);
// Bytes beyond what must stay free.
std::optional<std::uint64_t> room_in(const std::string& directory, double keep_free_percent);
// Throws Error where not even that is free, or where who writes there would wait: its file system does not answer (silent_files.hpp).
void check_keep_free(const std::string& directory, double keep_free_percent);

}  // namespace fdr

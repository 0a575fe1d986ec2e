#include "recorder/disk_room.hpp"

#include <sys/statvfs.h>

#include <algorithm>

namespace fdr {

std::optional<double> disk_free_percent(std::string directory, std::string* place) {
  struct statvfs disk {};
  while (::statvfs(directory.c_str(), &disk) && directory.size() > 1) {
    const std::size_t slash = directory.rfind('/');
    if (slash == std::string::npos) return std::nullopt;
    directory = directory.substr(0, std::max<std::size_t>(1, slash));
  }
  if (place) *place = directory;
  if (!disk.f_blocks) return std::nullopt;
  return 100.0 * static_cast<double>(disk.f_bavail) / static_cast<double>(disk.f_blocks);
}

}  // namespace fdr

#include "recorder/system/disk_room.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "formats/error.hpp"
#include "recorder/system/silent_files.hpp"

namespace fdr {

std::optional<DiskRoom> disk_room(const std::string& directory) {
  struct statvfs disk {};
  std::string place = directory;
  while (::statvfs(place.c_str(), &disk) && place.size() > 1) {
    const std::size_t slash = place.rfind('/');
    place = slash == std::string::npos ? "." : place.substr(0, std::max<std::size_t>(1, slash));
    if (place == "." && ::statvfs(".", &disk)) break;
  }
  if (!disk.f_blocks) return std::nullopt;
  return DiskRoom{place, 100.0 * static_cast<double>(disk.f_bavail) / static_cast<double>(disk.f_blocks), std::uint64_t{disk.f_bavail} * disk.f_frsize, std::uint64_t{disk.f_blocks} * disk.f_frsize};
}

std::optional<std::uint64_t> room_in(const std::string& directory, double keep_free_percent) {
  const auto disk = disk_room(directory);
  if (!disk) return std::nullopt;
  const auto kept = static_cast<std::uint64_t>(static_cast<double>(disk->all) * keep_free_percent / 100);
  return disk->free - std::min(disk->free, kept);
}

void check_keep_free(const std::string& directory, double keep_free_percent) {
  if (!answers(directory)) throw Error(fmt::format("nothing is written to {}: {}", directory, kSilent), "choose another bundle.directory (-o)");
  const auto disk = disk_room(directory);
  if (!disk || disk->free_percent >= keep_free_percent) return;
  throw Error(fmt::format("nothing is written to {}: {:.1f} % of the disk at {} is free, {} % must stay so", directory, disk->free_percent, disk->place, keep_free_percent),
              "free some room, lower bundle.keep_free, or choose another bundle.directory");
}

}  // namespace fdr

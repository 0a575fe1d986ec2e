// The mounts of a mount namespace, of which /proc/PID/mountinfo has a line each. Source: proc_pid_mountinfo(5). Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fdr {

struct Mount {
  std::uint64_t device = 0;  // major << 32 | minor
  std::string root;          // the part of the file system that is mounted
  std::string point;         // where
  std::string_view type;
  std::string_view options;  // of the file system, not of the mount
};

// The one on the next line that can be read; nothing at the end. Views are into the text.
std::optional<Mount> next_mount(std::string_view& mountinfo);

// Where the file of an absolute path without links lies: the last one mounted at its nearest place.
std::optional<Mount> mount_of(std::string_view path, std::string_view mountinfo);

}  // namespace fdr

// /sys/fs/bpf/fdr/NAME: what of a recorder outlives it. Maps are the window; links are its hooks, which cost every system call of the host as
// long as they are pinned, though the programs fall silent when the lease is over.
//
// Files only, no libbpf. Whoever removes what another recorder left holds that recorder's lock (run_directory.hpp). Any thread.
#pragma once

#include <string>
#include <vector>

namespace fdr {

// What the names of pinned links begin with; all other pins are maps.
inline constexpr const char* kLinkPin = "link_";
inline constexpr const char* kClockPin = "clock_";

std::string pin_directory(const std::string& recorder_name);
// Mounts the BPF filesystem where it is not.
bool mount_bpf_filesystem(std::string* problem);
// The same, and makes the directory.
bool make_pin_directory(const std::string& directory, std::string* problem);
// Recorders that have a directory of pins, alive or dead.
std::vector<std::string> pinned_recorders();

// Whether a window is pinned under this name.
bool has_pinned_window(const std::string& recorder_name);
// Unpins the links: the hooks are gone, the window stays readable. How many there were.
std::size_t detach_leftovers(const std::string& recorder_name);
// Unpins everything.
void remove_leftovers(const std::string& recorder_name);

}  // namespace fdr

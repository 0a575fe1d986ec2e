// Volatile text of the host and of the targets, as `cat` would show it: kept in a copy at most five seconds old and taken again at the
// firing, so that a host that locked up can still show how it looked before. Bounded: files, bytes a file, processes.
// The environment never enters; of it only an allow-list of tuning variables does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fdr {

using TextFiles = std::map<std::string, std::string>;  // path inside the bundle -> contents

// system/MOMENT/...: meminfo, vmstat, stat, pressure, sockets, disks, ...
void take_system_text(const std::string& moment, TextFiles& files);
// process/PID/MOMENT/...: status, maps, limits, cgroup, descriptors, ... of at most 16 processes.
void take_process_text(const std::string& moment, const std::vector<std::int32_t>& pids, TextFiles& files);
// system/facts/...: what does not change in a minute: command line, CPU, mounts, sysctls.
void take_facts(TextFiles& files);

}  // namespace fdr

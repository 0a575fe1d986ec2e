// What /proc says of processes when they become targets and after an exec: who is there, whose child, which command, which mappings.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/targets/process_identity.hpp"
#include "unwind/address_space.hpp"

namespace fdr {

std::vector<std::int32_t> all_pids();
// Who has the number now.
ProcessIdentity identity_of(std::int32_t pid);
// These, but for those whose number is another's by now, and all that descend from them, without ourselves.
std::vector<ProcessIdentity> with_descendants(const std::vector<ProcessIdentity>& roots);

// All processes there are, kernel threads too; 20 us each.
std::vector<LivingProcess> living_processes();

// 0 where there is no such process.
std::int32_t parent_of(std::int32_t pid);
std::string comm_of(std::int32_t pid);
std::string executable_of(std::int32_t pid);
std::vector<std::string> command_line_of(std::int32_t pid);

// The mapped file itself, whatever its path holds by now (proc_pid_map_files(5): Linux 3.3 with checkpoint/restore, root or CAP_CHECKPOINT_RESTORE).
std::string mapped_file(std::int32_t pid, const Mapping& mapping);

// Executable mappings with the build-ids of their files; build-ids are read once per file, of so many files.
class MapReader {
 public:
  std::vector<Mapping> read(std::int32_t pid);
  // Of the file that process `pid` has mapped there; empty where it has none, or the process is gone or its memory locked.
  std::string build_id(std::int32_t pid, const Mapping& mapping);

 private:
  std::string read_build_id(std::int32_t pid, const Mapping& mapping);

  std::map<std::string, std::string> known_;  // by device, inode, size, change and path
};

}  // namespace fdr

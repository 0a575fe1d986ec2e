// Whether processes have the host's numbers here. The BPF programs see no others (pid_namespaces(7); bpf_get_current_pid_tgid gives those of the
// first namespace), and a recorder in a container's own namespace would take one process for another. Any thread.
#pragma once

#include "recorder/system/small_file.hpp"

namespace fdr {

inline constexpr const char* kOtherNumbers = "fdr is in a PID namespace of its own, and BPF programs know processes by the host's numbers";
inline constexpr const char* kOtherNumbersRemedy = "share the host's (docker run --pid=host, hostPID in a pod), or record from the host: fdr attach --container ID";

// Of the first namespace it is a constant: PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h. True where nothing is known.
inline bool has_host_pids() {
  const std::string link = read_link("/proc/self/ns/pid");
  return link.empty() || link == "pid:[4026531836]";
}

}  // namespace fdr

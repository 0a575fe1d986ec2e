// Which container a process is in, and what it is called in its own PID namespace, from what /proc says of it.
//
// Runtimes name a container's cgroup after its id, 64 hexadecimal figures: "/docker/ID", "docker-ID.scope", "cri-containerd-ID.scope",
// "libpod-ID.scope", "crio-ID.scope", "/kubepods/burstable/podUID/ID". The id of conmon, which only looks after one, does not count.
// NSpid of /proc/PID/status lists the pid in each PID namespace, outermost first (proc_pid_status(5)). Pure but for note_namespaces().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/manifest.hpp"

namespace fdr {

inline constexpr std::size_t kContainerPrefix = 12;  // as much of an id as `docker ps` shows

// 12 to 64 hexadecimal figures, lower case.
bool is_container_id(std::string_view text);
// The innermost container of a process with this /proc/PID/cgroup; empty where it is in none.
std::string container_of(std::string_view cgroup_text);
// Whether it is in the container whose id begins so, or in one inside of that.
bool in_container(std::string_view cgroup_text, std::string_view id);
// The innermost pid of a /proc/PID/status; nothing where the process is in no PID namespace but ours.
std::optional<std::int32_t> inner_pid(std::string_view status_text);

// Fills container and ns_pids from /proc, of the first `kNamespacesRead` pids.
inline constexpr std::size_t kNamespacesRead = 256;
void note_namespaces(const std::vector<std::int32_t>& pids, Manifest::Target& target);

}  // namespace fdr

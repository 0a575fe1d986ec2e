// The proc backend: what /proc tells of processes of our own user, without any privilege. Threads are looked at once a tick, and
// seldomer where that would cost more than its share: who is there, who is gone, what it ran and waited for a CPU, whether it sleeps and how. So
// metrics, rules, heartbeats and text work, and open stalls with the stacks of sleeping threads at a firing; there are no samples.
//
// With allow_ptrace a firing stops threads that run for a moment and copies their stacks (ptrace_stack.hpp). Session thread only.
#pragma once

#include <memory>
#include <string>

#include "recorder/config/config.hpp"
#include "recorder/sources/event_source.hpp"

namespace fdr {

std::unique_ptr<EventSource> open_proc_source(const Config& config, const WindowLayout& layout, const std::string& recorder_name);

}  // namespace fdr

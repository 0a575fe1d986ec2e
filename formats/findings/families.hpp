// The families of findings: each function judges one theory, or a few that go together, from the same evidence. Pure;
// none knows a particular program. findings.cpp is the list of all of them; each family is one file.
#pragma once

#include "formats/findings/evidence.hpp"

namespace fdr {

Findings find_spin(const Evidence&);        // a thread on the CPU without a system call; futexes of the hot thread
Findings find_kernel_path(const Evidence&); // system CPU: where in the kernel, by which call
Findings find_user_path(const Evidence&);   // user CPU: which function grew
Findings find_collector(const Evidence&);   // garbage collection and allocation, and for whom
Findings find_starvation(const Evidence&);  // run queue, steal, throttling
Findings find_stalls(const Evidence&);      // stood still: disk, lock, other waits
Findings find_reclaim(const Evidence&);     // freeing memory before going on; what was given back
Findings find_growth(const Evidence&);      // memory that grows: how fast, of which kind, by whom
Findings find_goroutines(const Evidence&); // Go: goroutines that stay, sites that keep memory
Findings find_swap(const Evidence&);        // swapping, OOM kills
Findings find_descriptors(const Evidence&); // descriptors and threads that pile up, plateaus, limits
Findings find_sockets(const Evidence&);     // connections that pile up to one peer, with queues that stand
Findings find_floods(const Evidence&);      // too many calls; clocks that should not enter the kernel
Findings find_errors(const Evidence&);      // calls that fail
Findings find_logs(const Evidence&);        // logs that say more than before
Findings find_datagrams(const Evidence&);   // UDP drops, datagrams cut
Findings find_network(const Evidence&);     // TCP resent, listen queues, more visitors
Findings find_heartbeats(const Evidence&);  // beats that stayed out
Findings find_started(const Evidence&);     // what began just before the onset, how targets ended
Findings find_recorder(const Evidence&);    // the recorder's own losses and cost

}  // namespace fdr

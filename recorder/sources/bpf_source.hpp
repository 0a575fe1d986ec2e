// The bpf backend: loads the programs, gives them their maps, attaches, arms threads, pins what must survive us.
//
// Everything the programs write is seen through window(). The destructor detaches and unpins: an orderly end leaves nothing behind. A
// recorder that is killed leaves pinned programs that fall silent when the lease is over (pins.hpp), and a window that PinnedWindow reads.
// Session thread only. libbpf is named in bpf_source.cpp, window_programs.cpp and pinned_window.cpp alone.
#pragma once

#include <memory>
#include <string>

#include "recorder/config/config.hpp"
#include "recorder/sources/event_source.hpp"

namespace fdr {

// Throws Error with the missing capability or feature, and what works without it.
std::unique_ptr<EventSource> open_bpf_source(const Config& config, const WindowLayout& layout, const std::string& recorder_name);

// Whether this host allows it, cheaply enough for every start; `problem` is empty where it does.
struct BpfSupport {
  bool btf = false, load = false, perf = false;
  std::string problem;
};
BpfSupport probe_bpf();

// What it does better where the kernel can, for `fdr doctor`: reads the kernel's types.
struct BpfComforts {
  bool perf_links = false, uprobe_sessions = false;
};
BpfComforts probe_bpf_comforts();

}  // namespace fdr

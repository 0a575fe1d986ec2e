// The BPF programs in the kernel: opened, given their knobs and the sizes of their maps, and loaded; not attached.
//
// What a kernel takes is found by trying, never by its version: helpers are probed one by one, and where the programs are refused each is
// tried alone. Those one can do without are left out, with a sentence on what that costs; of another, Error says what the kernel said. One
// thread at a time (libbpf's messages go through one place). libbpf is named in window_programs.cpp, bpf_source.cpp and pinned_window.cpp
// alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/window/layout.hpp"

struct window_bpf;

namespace fdr {

// Which of two ways the programs go where kernels differ (bpf/kernel_differences.h).
struct KernelFeatures {
  bool typed_task = false;           // bpf_get_current_task_btf(): 5.11
  bool task_storage = false;         // in tracing programs: 5.12
  bool task_pt_regs = false;         // 5.15
  std::uint32_t session_type = 0;    // BPF_TRACE_UPROBE_SESSION as this kernel numbers it: 6.13; 0: it has none
};
KernelFeatures probe_features();

struct DestroyPrograms {
  void operator()(window_bpf* programs) const;
};

struct LoadedPrograms {
  std::unique_ptr<window_bpf, DestroyPrograms> programs;
  KernelFeatures features;
  std::vector<std::string> left_out;  // names of programs that were wanted
  std::vector<std::string> notes;     // what that costs, said for people

  bool has(std::string_view program) const;
};

// Throws Error with the missing capability or feature.
LoadedPrograms load_programs(const Config& config, const WindowLayout& layout);
// What load_programs() would leave out on this host, as its notes; loads everything once, with arrays of one element. Throws as it does.
std::vector<std::string> try_programs();

// "run as root, or with ...": for whoever is refused.
std::string permission_hint();

}  // namespace fdr

// The ladder of backends: bpf, else perf, else proc. Features are probed, never versions; one that was asked for by name is taken, or
// is an error. The next is tried too where one that looked possible fails to start, and why is among the notes. Session thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/sources/event_source.hpp"

namespace fdr {

struct ChosenBackend {
  std::unique_ptr<EventSource> source;
  std::string line;                // which it is and what is lost by it; empty of the best there is
  std::vector<std::string> notes;  // why not the ones before it
};

// A layout of the window where the backend itself takes so many bytes of --memory for its own buffers.
using LayoutBeside = std::function<WindowLayout(std::uint64_t bytes)>;
// Throws Error where what was asked for, or none at all, can be had.
ChosenBackend choose_backend(const Config& config, const LayoutBeside& layout, const std::string& recorder_name);

// The choice that means a backend of fdr_control: for a configuration that is written down while it is in use.
BackendChoice backend_in_use(std::uint32_t backend);

}  // namespace fdr

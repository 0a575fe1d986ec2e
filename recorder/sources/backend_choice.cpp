#include "recorder/sources/backend_choice.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "formats/error.hpp"
#include "recorder/sources/bpf_source.hpp"
#include "recorder/sources/perf_rings.hpp"
#include "recorder/sources/perf_source.hpp"
#include "recorder/sources/proc_source.hpp"
#include "recorder/window/host_size.hpp"

namespace fdr {
namespace {

constexpr const char* kHint = "`fdr doctor` shows what each backend needs";

std::unique_ptr<EventSource> start_bpf(const Config& config, const LayoutBeside& layout, const std::string& name) {
  // Asked for by name it says itself what is missing.
  if (config.backend == BackendChoice::kAuto)
    if (const BpfSupport support = probe_bpf(); !support.problem.empty()) throw Error(support.problem, kHint);
  return open_bpf_source(config, layout(0), name);
}

// Rings that are not recorded have next to no room: what they leave of their share is for the backend's own buffers, so that it fits where
// bpf does. Less and less is counted on until the layout leaves as much.
WindowLayout layout_of_perf(const LayoutBeside& layout, std::uint64_t own, std::uint32_t lacks) {
  WindowLayout found = layout(0);
  for (std::uint64_t counted_on = std::numeric_limits<std::uint64_t>::max();;) {
    const std::uint64_t left = found.total_bytes() - found.without(lacks).total_bytes();
    if (left >= counted_on) return found;
    counted_on = left;
    found = layout(own - std::min(own, left));
  }
}

std::unique_ptr<EventSource> start_perf(const Config& config, const LayoutBeside& layout, const std::string& name) {
  PerfSupport support = probe_perf();
  if (!support.clock) throw Error(support.problem, "lower kernel.perf_event_paranoid to 2, or grant CAP_PERFMON; `fdr doctor` shows what each backend needs");
  const std::uint64_t memory = memory_of(config);
  const PerfRingSizes sizes = perf_ring_sizes(memory, static_cast<std::uint32_t>(recorded_slots()), support.enter && config.detail != SyscallDetail::kOff);
  const WindowLayout found = layout_of_perf(layout, sizes.all() * static_cast<std::uint64_t>(recorded_slots()), perf_lacks(config, support));
  return open_perf_source(config, std::move(support), found, memory, name);
}

std::unique_ptr<EventSource> start_proc(const Config& config, const LayoutBeside& layout, const std::string& name) {
  return open_proc_source(config, layout(0), name);
}

struct Step {
  BackendChoice choice;
  std::unique_ptr<EventSource> (*start)(const Config&, const LayoutBeside&, const std::string&);
  const char* line;
};
constexpr std::array kLadder = {
    Step{BackendChoice::kBpf, start_bpf, ""},
    Step{BackendChoice::kPerf, start_perf, "backend perf: other programs of the host, memory growth by place and sends are not recorded"},
    Step{BackendChoice::kProc, start_proc, "backend proc: metrics, rules and the stacks of sleeping threads at a firing; no samples, system calls or stalls"},
};

}  // namespace

BackendChoice backend_in_use(std::uint32_t backend) {
  return backend == FDR_BACKEND_PERF ? BackendChoice::kPerf : backend == FDR_BACKEND_PROC ? BackendChoice::kProc : BackendChoice::kBpf;
}

ChosenBackend choose_backend(const Config& config, const LayoutBeside& layout, const std::string& name) {
  ChosenBackend chosen;
  for (const Step& step : kLadder) {
    const bool asked = config.backend == step.choice;
    if (!asked && config.backend != BackendChoice::kAuto) continue;
    try {
      chosen.source = step.start(config, layout, name);
      chosen.line = step.line;
      if (step.choice == BackendChoice::kPerf && config.detail != SyscallDetail::kOff && (chosen.source->window().control->lacks & FDR_LACKS_SUMS))
        chosen.line += ", system calls neither (no CAP_PERFMON, or no tracefs: mount -t tracefs tracefs /sys/kernel/tracing)";
      if (!chosen.notes.empty()) chosen.line += " (" + chosen.notes.front().substr(0, chosen.notes.front().find('\n')) + ")";
      return chosen;
    } catch (const Error& error) {
      if (asked || step.choice == BackendChoice::kProc) throw;
      chosen.notes.push_back(std::string("no backend ") + backend_word(step.choice) + ": " + error.what());
    }
  }
  throw Error("no backend can be had", kHint);
}

}  // namespace fdr

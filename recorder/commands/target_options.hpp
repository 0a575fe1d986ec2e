// What attach and once share: which processes are meant, on the command line or in the file, and the session over them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recorder/commands/recording_options.hpp"
#include "recorder/session/session.hpp"

namespace fdr {

struct TargetOptions : RecordingOptions {
  std::vector<std::int32_t> pids;
  std::string comm, unit, cgroup, container;
  bool all = false, wait = false;

  // Whether the command line says who is meant.
  bool chosen() const { return !pids.empty() || !comm.empty() || !unit.empty() || !cgroup.empty() || !container.empty() || all; }
};

void add_target_options(CLI::App& command, TargetOptions& options);
// The effective configuration with its targets, checked; in SIGHUP's turn too, where there is a file. Throws Error.
SessionOptions session_over_targets(const TargetOptions& options, const std::string& mode);

}  // namespace fdr

// The options that run, attach and once share, and what they make of them: file first, flags over it.
#pragma once

#include <string>
#include <vector>

#include "recorder/config/config.hpp"

namespace CLI {
class App;
}

namespace fdr {

struct RecordingOptions {
  std::string config_file;
  std::vector<std::string> when;
  std::string window, after, memory, output, on_exit, name, syscalls, max_cpu, backend;
  unsigned frequency = 0;
  bool quiet = false, verbose = false, no_default_rules = false, heap = false, allow_ptrace = false;
};

void add_recording_options(CLI::App& command, RecordingOptions& options);
// Throws Error. `default_on_exit` stands where neither file nor flag says.
Config effective_config(const RecordingOptions& options, OnExit default_on_exit);
// Where bundles go for who may not write to the default directory. Throws Error where its file system does not answer. Asked on a thread of its
// own (silent_files.hpp): after `run` has forked.
void settle_directory(Config& config);
// --heap: of every target there is by then.
void apply_heap(const RecordingOptions& options, Config& config);
// A duration that a flag was given, within bounds. Throws Error.
Duration duration_flag(const std::string& flag, const std::string& text, Duration least = Duration{}, Duration most = Duration::max());
// A name that is valid as target and recorder name, made of any text (a comm, a path).
std::string name_from(const std::string& text);

}  // namespace fdr

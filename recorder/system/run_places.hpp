// Where recorders have their run directories: /run/fdr, and where somebody may not write there, a root of his own. Any thread.
#pragma once

#include <string>
#include <vector>

namespace fdr {

inline constexpr const char* kRunRoot = "/run/fdr";

// Where our own recorders are: kRunRoot where we may write there, else fdr below $XDG_RUNTIME_DIR, else /tmp/fdr-UID.
std::string own_run_root();
// kRunRoot, and our own where it is another one that is there and ours.
std::vector<std::string> run_roots();
// The directory of the recorder of this name: in kRunRoot, or among our own.
std::string run_directory_of(const std::string& name);

}  // namespace fdr

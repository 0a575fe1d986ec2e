// How a recorder comes by its name: a window that one of the same name left when it died is written out first, by `fdr recover` in a process of
// its own, for half a minute at most. Other dead recorders lose their hooks, which cost every system call of the host, and keep their window.
#pragma once

#include <string>

#include "recorder/control/run_directory.hpp"
#include "recorder/system/voice.hpp"

namespace fdr {

// NAME, or NAME-2, NAME-3 ... when `may_number` and it is taken, or holds a window that cannot be written out. Throws Error.
// `bundles`: where slices of that name may lie, which are written out too (slice_recovery.hpp).
RunDirectory claim_run_directory(const std::string& name, bool may_number, const std::string& bundles, const Voice& voice);

}  // namespace fdr

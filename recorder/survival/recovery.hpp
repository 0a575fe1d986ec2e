// Writes the window of a recorder that died as a bundle with the trigger `recorder-died`, and removes what it left.
//
// The rings and counters are read from their pins, the rest from the dead recorder's run directory; the bundle is written as any other is
// (Dumper). Works at any moment once the recorder is dead, also while its programs still record. Until the bundle is whole nothing is
// removed: what failed can be tried again. Holds the recorder's lock meanwhile, so that nobody else does the same.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace fdr {

struct RecoveredBundle {
  std::string path;                  // empty: it had recorded nothing yet
  std::string evidence;              // one sentence
  std::vector<std::string> removed;  // half-written bundles of it
};

// `directory`: instead of the dead recorder's own. Throws Error: it lives, it left nothing, it is of another version, the bundle could not be
// written.
RecoveredBundle recover_window(const std::string& name, const std::optional<std::string>& directory);

}  // namespace fdr

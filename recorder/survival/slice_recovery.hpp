// Writes what slices on disk hold (slice_keeper.hpp) as a bundle, when their recorder ended in no orderly way and its window is gone: trigger
// `host-died` where they are of another boot, `recorder-died` where the host lived on and nothing could be pinned.
//
// Times are those of the boot that recorded. Until the bundle is whole nothing is removed. Holds the recorder's name meanwhile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "recorder/survival/recovery.hpp"

namespace fdr {

// Where `fdr recover` looks where nothing else is said: below the default directory of bundles.
std::string default_bundles();

// Names that have slices below this directory of bundles, and no recorder that lives.
std::vector<std::string> left_slices(const std::string& bundles);
bool has_slices(const std::string& bundles, const std::string& name);

// `directory`: where the bundle goes, instead of the dead recorder's own. Throws Error.
RecoveredBundle recover_slices(const std::string& bundles, const std::string& name, const std::optional<std::string>& directory);
// Once a window was written, what slices of the same recorder say is in it.
void remove_slices(const std::string& bundles, const std::string& name);

}  // namespace fdr
